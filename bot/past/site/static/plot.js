// The plot of one series: values by commit, their intervals, changes; zoom by mouse and keys.
"use strict";
{
  const { $ } = perflint.page;
  const { words } = perflint;
  let plot = null;
  let at = 0; // which value the cursor is on
  let shown = null;

  const colors = () => {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(`--${name}`).trim();
    return { line: read("value"), band: read("band"), ink: read("ink"), soft: read("soft"), grid: read("line"), worse: read("worse"), better: read("better") };
  };

  // Of so many values the line becomes an area, which the levels of changes shall be seen on.
  const MANY = 1500;
  const height = () => Math.max(240, Math.min(420, Math.round(innerHeight * 0.5)));

  const settings = (data) => {
    const tint = colors();
    const axis = { stroke: tint.soft, grid: { stroke: tint.grid, width: 1 }, ticks: { stroke: tint.grid, width: 1 } };
    const has = Boolean(data.low);
    const edge = { stroke: "transparent", points: { show: false } };
    return {
      width: $("plot").clientWidth || 320,
      height: height(),
      legend: { show: false },
      cursor: { lock: true, drag: { x: true, y: false }, points: { size: 9 } },
      scales: { x: { time: false } },
      axes: [
        { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000], values: (_, ticks) => ticks.map((tick) => words.whole(tick)) },
        { ...axis, size: 84, ...(data.series.unit === "bytes" && { incrs: POWERS }), values: (_, ticks) => ticks.map((tick) => words.value(tick, data.series.unit).replace(/\.0+(?=\D|$)/, "")) },
      ],
      series: [
        {},
        { stroke: tint.line, width: 1.5, alpha: data.x.length > MANY ? 0.6 : 1, points: { fill: tint.line, size: 5 } },
        ...(has ? [edge, edge] : []),
      ],
      bands: has ? [{ series: [3, 2], fill: tint.band }] : [],
      hooks: {
        draw: [(one) => perflint.drawMarkers(one, data.changes, tint)],
        // Only the mouse: where keys lead, `point` has told already.
        setCursor: [(one) => { if (one.cursor.event && one.cursor.left >= 0 && Number.isInteger(one.cursor.idx)) point(one.cursor.idx, false); }],
        ready: [() => point(at, true)],
      },
    };
  };

  const point = (index, move) => {
    const { x } = shown;
    at = Math.max(0, Math.min(x.length - 1, index));
    if (move) {
      const { min, max } = plot.scales.x;
      const half = (max - min) / 2;
      if (x[at] < min || x[at] > max) plot.setScale("x", { min: x[at] - half, max: x[at] + half });
      plot.setCursor({ left: plot.valToPos(x[at], "x"), top: plot.valToPos(shown.y[at], "y") }, false);
    }
    perflint.tellPoint(at);
  };

  // Lengths in bytes have round powers of two between the lines.
  const POWERS = Array.from({ length: 50 }, (_, n) => 2 ** n);
  const range = (min, max) => {
    const ends = [shown.x[0], shown.x[shown.x.length - 1]];
    // What would lie beyond an end is shown on the other side.
    const wide = Math.min(max - min, ends[1] - ends[0]);
    const low = Math.max(ends[0], Math.min(min, ends[1] - wide));
    if (wide > 0) plot.setScale("x", { min: low, max: low + wide });
  };
  const zoom = (factor) => {
    const { min, max } = plot.scales.x;
    const middle = shown.x[at], half = Math.max(2, (max - min) / 2 * factor);
    range(middle - half, middle + half);
  };

  const MOVES = { ArrowLeft: -1, ArrowRight: 1, PageUp: -50, PageDown: 50, Home: -Infinity, End: Infinity };
  $("plot").addEventListener("keydown", (event) => {
    if (!plot || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in MOVES) point(at + MOVES[event.key], true);
    else if (event.key === "+" || event.key === "=") zoom(0.5);
    else if (event.key === "-") zoom(2);
    else return;
    event.preventDefault();
  });
  for (const button of document.querySelectorAll("[data-last]")) {
    button.onclick = () => {
      if (!plot) return;
      const last = shown.x[shown.x.length - 1];
      const count = Number(button.dataset.last) || last - shown.x[0];
      range(last - count, last);
    };
  }

  // `data`: series, x, y, low and high (or none of both), changes; `first` is the value to begin at.
  perflint.draw = (data, first) => {
    plot?.destroy();
    shown = data;
    const columns = [data.x, data.y, ...(data.low ? [data.low, data.high] : [])];
    for (const button of document.querySelectorAll("[data-last]")) {
      button.hidden = Number(button.dataset.last) >= data.x[data.x.length - 1] - data.x[0];
    }
    at = first;
    plot = perflint.plot = new uPlot(settings(data), columns, $("plot"));
  };
  perflint.undraw = () => { plot?.destroy(); plot = perflint.plot = null; };

  const again = () => {
    if (!plot || $("one").hidden) return;
    const { min, max } = plot.scales.x;
    perflint.draw(shown, at);
    plot.setScale("x", { min, max });
  };
  addEventListener("perflint-theme", again);
  new ResizeObserver(() => {
    if (plot && !$("one").hidden && $("plot").clientWidth) plot.setSize({ width: $("plot").clientWidth, height: height() });
  }).observe($("plot"));
}
