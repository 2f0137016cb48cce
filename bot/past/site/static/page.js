// Elements, tables and long lists. All text is set as text: names and messages come from strangers.
"use strict";
{
  const SVG = "http://www.w3.org/2000/svg";
  const $ = (id) => document.getElementById(id);
  const make = (tag, kind, ...parts) => {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    made.append(...parts.filter((part) => part !== null && part !== undefined));
    return made;
  };
  const link = (to, ...parts) => {
    const made = make("a", "", ...parts);
    // Data may come from a report that somebody else has written: no other scheme is a link.
    if (!/^(https?:\/\/|#|runs\/)/.test(to)) throw new Error(`no link leads to ${to}`);
    made.href = to;
    if (to.startsWith("http")) made.rel = "noopener noreferrer";
    return made;
  };

  // A small line of heights from 0 to 99.
  const spark = (heights) => {
    const svg = document.createElementNS(SVG, "svg");
    const line = document.createElementNS(SVG, "polyline");
    const step = heights.length > 1 ? 116 / (heights.length - 1) : 0;
    line.setAttribute("points", heights.map((height, n) => `${(2 + n * step).toFixed(1)},${(26 - 0.24 * height).toFixed(1)}`).join(" "));
    svg.setAttribute("viewBox", "0 0 120 28");
    svg.setAttribute("class", "spark");
    svg.setAttribute("aria-hidden", "true");
    svg.append(line);
    return svg;
  };

  // Puts things into an element a part at a time: the next part when its end comes into view, or on
  // the button that stands there.
  const inParts = (into, after, things, draw, size) => {
    let shown = 0;
    const button = make("button", "more");
    button.type = "button";
    const more = () => {
      into.append(...things.slice(shown, shown + size).map(draw));
      shown = Math.min(things.length, shown + size);
      button.textContent = `Show more (${perflint.words.whole(things.length - shown)} left)`;
      if (shown === things.length) { watcher.disconnect(); button.remove(); }
    };
    const watcher = new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) more(); }, { rootMargin: "600px" });
    button.onclick = () => {
      const first = shown;
      more();
      into.children[first]?.querySelector("a, button")?.focus();
    };
    after.append(button);
    more();
    if (shown < things.length) watcher.observe(button);
  };

  // A table whose rows are drawn as they come into view; heads are [text, whether of numbers].
  const table = (into, caption, heads, things, cells, size = 40) => {
    const made = make("table", "cards", make("caption", "", caption));
    const top = make("tr");
    for (const [text, number] of heads) {
      const head = make("th", number ? "number" : "", text);
      head.scope = "col";
      top.append(head);
    }
    made.append(make("thead", "", top));
    const body = make("tbody");
    made.append(body);
    into.replaceChildren(made);
    inParts(body, into, things, (thing) => {
      const row = make("tr");
      cells(thing).forEach((cell, n) => {
        const made = make("td", heads[n][1] ? "number" : "", cell);
        made.dataset.label = heads[n][0];
        row.append(made);
      });
      return row;
    }, size);
  };

  perflint.page = { $, make, link, spark, inParts, table };
}
