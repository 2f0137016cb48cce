// What every series was at two commits.
"use strict";
{
  const { $, make, link, table } = perflint.page;
  const { words } = perflint;
  const BLOCK = 64;
  const PARTS = 10000;
  let rows = [];
  let ends = null;

  // Where a commit is: by the first digits of its hash, or by its place as `@123` or `123`.
  const find = async (word) => {
    const wanted = word.trim().toLowerCase();
    for (const one of perflint.repositories) {
      if ($("repository").value && one.name !== $("repository").value) continue;
      const places = await perflint.load(`places-${one.number}`);
      if (!places) continue;
      if (/^[0-9a-f]{7,64}$/.test(wanted)) {
        const start = wanted.slice(0, places.digits);
        for (let at = places.text.indexOf(start); at >= 0; at = places.text.indexOf(start, at + 1)) {
          if (at % places.digits === 0) return { repository: one.number, place: places.first + at / places.digits };
        }
      }
      const place = /^@?(\d{1,7})$/.exec(wanted);
      if (place && Number(place[1]) >= one.first && Number(place[1]) <= one.last) return { repository: one.number, place: Number(place[1]) };
    }
    return null;
  };

  // By series: [value, half its interval as a share or null where it is exact, its place].
  const valuesAt = async ({ repository, place }) => {
    const lines = (await perflint.load(`block-${repository}-${Math.floor(place / BLOCK)}`)) ?? [];
    const found = new Map();
    for (const [key, steps, values, errors] of lines) {
      let sum = 0, last = -1, where = 0;
      for (let n = 0; n < steps.length; n++) {
        sum += steps[n];
        if (sum > place) break;
        [last, where] = [n, sum];
      }
      if (last >= 0) found.set(key, [values[last], errors && errors[last] >= 0 ? errors[last] / PARTS : null, where]);
    }
    return found;
  };

  const pairs = (before, after) => {
    const made = [];
    for (const [key, head] of after) {
      const base = before.get(key), series = perflint.byKey.get(key);
      if (!base || !series) continue;
      const ratio = base[0] ? head[0] / base[0] : head[0] === base[0] ? 1 : Infinity;
      const known = series.exact || (base[1] !== null && head[1] !== null);
      const within = series.exact ? 0 : known ? Math.hypot(base[1], head[1]) * ratio : null;
      // Exact counts differ or not; of what has intervals, what they cannot explain.
      const clear = known && Math.abs(ratio - 1) > within;
      made.push({ series, base, head, ratio, within, clear, same: base[2] === head[2] });
    }
    return made;
  };
  const far = (one) => (one.ratio > 0 && Number.isFinite(one.ratio) ? Math.abs(Math.log(one.ratio)) : 1e9);

  const older = (value, place) => (value[2] < place ? make("div", "soft", `${words.plural(place - value[2], "commit")} earlier`) : null);
  const shownRatio = (one) => {
    if (!Number.isFinite(one.ratio)) return make("div", "", "from zero");
    const said = `${words.percent(one.ratio - 1)}${one.within ? ` ± ${(100 * one.within).toFixed(1)}` : ""}`;
    return make("div", "", said, make("div", "soft", `× ${one.ratio.toFixed(3)}`));
  };
  const verdict = (one) => {
    if (one.within === null) return make("span", "soft", "no intervals");
    if (!one.clear) return make("span", "soft", one.ratio === 1 ? "= same" : "≈ within intervals");
    return perflint.verdict({ rises: one.ratio > 1, better: one.ratio > 1 === one.series.higher });
  };

  perflint.showDifferences = () => {
    $("differences").replaceChildren();
    $("compared").textContent = "";
    if (!ends) return;
    const fitting = rows.filter((one) => perflint.filter.fits(one.series));
    const shown = fitting.filter((one) => !one.same);
    shown.sort((a, b) => b.clear - a.clear || far(b) - far(a) || a.series.number - b.series.number);
    const idle = fitting.length - shown.length;
    $("compared").textContent = `${words.plural(shown.length, "series")} with values at both, ${words.whole(shown.filter((one) => one.clear).length)} of them clearly different.`
      + (idle ? ` ${words.plural(idle, "series")} were not measured in between.` : "");
    if (!shown.length) return;
    const heads = [["Perf test"], ["Metric"], ["Machine"], ["Base", true], ["Head", true], ["Head / base", true], ["Better or worse"]];
    table($("differences"), "Series at both commits", heads, shown, (one) => [
      make("div", "", ...perflint.nameOf(one.series)),
      words.metric(one.series.metric),
      one.series.hardware || "unknown",
      make("div", "", words.measure(one.base[0], one.series.unit), older(one.base, ends[0].place)),
      make("div", "", words.measure(one.head[0], one.series.unit), older(one.head, ends[1].place)),
      shownRatio(one),
      verdict(one),
    ]);
  };

  const tellPair = async () => {
    const commits = await Promise.all(ends.map((end) => perflint.commit(end.repository, end.place)));
    const parts = commits.map((commit, n) => make("span", "", n ? "Head: " : "Base: ",
      commit ? perflint.commitLink(ends[n].repository, commit[1]) : "", ` commit ${words.whole(ends[n].place)}`,
      commit ? `, ${words.day(commit[2])}, ${commit[3]}` : ""));
    const lines = [parts[0], make("br"), parts[1]];
    const home = perflint.repositories[ends[0].repository].home;
    if (home && commits[0] && commits[1]) lines.push(make("br"), link(`${home}/compare/${commits[0][1]}...${commits[1][1]}`, "all commits between"));
    $("pair").replaceChildren(...lines);
  };

  // `asked` is "A..B"; without it, the newest commit against fifty before.
  perflint.compare = async (asked) => {
    const [base, head] = asked.includes("..") ? asked.split(/\.{2,3}/) : ["", ""];
    [rows, ends] = [[], null];
    $("pair").replaceChildren();
    perflint.showDifferences();
    const repository = perflint.repositories.find((one) => one.name === $("repository").value) ?? perflint.repositories[0];
    $("base").value = base || (repository ? `@${Math.max(repository.first, repository.last - 50)}` : "");
    $("head").value = head || (repository ? `@${repository.last}` : "");
    if (!repository) return;
    const found = await Promise.all([find($("base").value), find($("head").value)]);
    const missing = found.findIndex((one) => !one);
    if (missing >= 0) return perflint.fail(`No commit of the main branch is known as ${missing ? $("head").value : $("base").value}.`);
    if (found[0].repository !== found[1].repository) return perflint.fail("These commits are of two repositories.");
    const values = await Promise.all(found.map(valuesAt));
    [ends, rows] = [found, pairs(...values)];
    await tellPair();
    perflint.showDifferences();
  };

  const ask = (first, second) => { location.hash = `#/compare/${encodeURIComponent(first.trim())}..${encodeURIComponent(second.trim())}${perflint.filter.write()}`; };
  $("commits").addEventListener("submit", (event) => { event.preventDefault(); ask($("base").value, $("head").value); });
  $("swap").addEventListener("click", () => ask($("head").value, $("base").value));
}
