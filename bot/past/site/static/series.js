// The page of one series: facts, plot, what the cursor is on, changes, a table of all values.
"use strict";
{
  const { $, make, link, table } = perflint.page;
  const { words } = perflint;
  let data = null;

  const summed = (steps) => { let sum = 0; return steps.map((step) => (sum += step)); };

  const facts = (one) => {
    const parts = [one.file, words.metric(one.metric), one.unit, one.higher ? "higher is better" : "lower is better", one.hardware,
      one.torch && `PyTorch ${one.torch}`, one.driver && `driver ${one.driver}`, perflint.repositories[one.repository].name,
      `${words.plural(one.count, "value")}`];
    $("facts").textContent = parts.filter(Boolean).join(" · ");
    $("plot").setAttribute("aria-label", `Plot of ${words.metric(one.metric)} of ${one.name} by commit, ${words.plural(one.count, "value")}`);
  };

  // [commit, run] of a value; either may be null where a writer was at work meanwhile.
  const around = (index) => Promise.all([perflint.commit(data.series.repository, data.x[index]), perflint.run(data.runs[index])]);
  const measured = (index) => {
    const unit = data.series.unit;
    const ends = data.low ? words.interval(data.low[index], data.high[index], unit) : "";
    return words.measure(data.y[index], unit) + (ends && ` ${ends}`);
  };

  perflint.tellPoint = async (index) => {
    data.told = index;
    const of = data;
    const [commit, run] = await around(index);
    if (data !== of || data.told !== index) return; // the cursor has moved on
    const name = commit ? `${commit[1].slice(0, 7)}, ${words.day(commit[2])}, ${commit[3]}` : "unknown";
    $("told").textContent = `Commit ${words.whole(data.x[index])} (${name}): ${measured(index)}`;
    const links = [];
    if (commit) {
      const home = perflint.repositories[data.series.repository].home;
      if (home) links.push(link(`${home}/commit/${commit[1]}`, "the commit"));
      const last = await perflint.commit(data.series.repository, data.x[data.x.length - 1]);
      if (last && last[1] !== commit[1]) links.push(link(`#/compare/${commit[1].slice(0, 10)}..${last[1].slice(0, 10)}`, "compare with the newest"));
    }
    if (run?.[1]) links.push(link(`runs/${run[1]}/index.html`, "the run's report"));
    if (run?.[7]) links.push(link(run[7], "the CI run"));
    if (data !== of || data.told !== index) return;
    $("links").replaceChildren(...links.flatMap((one, n) => (n ? [" · ", one] : [one])));
  };

  const valuesTable = () => {
    const order = data.x.map((_, index) => data.x.length - 1 - index);
    const of = data;
    table($("values"), "Values, the newest first", [["Commit"], ["Value", true], ["95 % interval", true], ["Run"]], order, (index) => {
      const commit = make("span", "", words.whole(of.x[index]));
      const run = make("span");
      around(index).then(([known, ran]) => {
        if (known) commit.replaceChildren(`${words.whole(of.x[index])} `, perflint.commitLink(of.series.repository, known[1]), ` ${known[3]}`);
        if (ran?.[1]) run.replaceChildren(link(`runs/${ran[1]}/index.html`, "report"));
        else if (ran?.[7]) run.replaceChildren(link(ran[7], "CI run"));
        else run.replaceChildren(ran ? words.day(ran[4]) : "–");
      });
      const unit = of.series.unit;
      return [commit, words.measure(of.y[index], unit), (of.low && words.interval(of.low[index], of.high[index], unit)) || "–", run];
    }, 50);
  };
  $("table").addEventListener("toggle", () => { if ($("table").open && data) valuesTable(); });

  const ownChanges = async () => {
    const of = data;
    for (const change of data.changes) {
      const commit = await perflint.commit(of.series.repository, change.position);
      if (commit) [change.sha, change.at, change.subject] = [commit[1], commit[2], commit[3]];
    }
    if (data !== of) return;
    $("own-changes").replaceChildren(...[...of.changes].reverse().map((change) => perflint.changeLine(change, true)));
    if (!of.changes.length) $("own-changes").append(make("li", "soft", "No change is known."));
  };

  perflint.showSeries = async (one, place) => {
    facts(one);
    $("table").open = false;
    for (const id of ["values", "told", "links", "own-changes", "legend"]) $(id).replaceChildren();
    perflint.undraw();
    data = null;
    const told = await perflint.load(`series-${one.key}`);
    if (location.hash.split("?")[0] !== `#/series/${one.key}`) return; // somebody has gone on
    if (!told) return perflint.fail(`data/series-${one.key}.js is missing.`);
    const x = summed(told.p);
    data = {
      series: one, x, y: told.v, low: told.l ?? null, high: told.h ?? null, runs: summed(told.r), told: -1,
      changes: told.c.map((row) => perflint.readChange(row, one)),
    };
    $("legend").textContent = (data.low ? "Line: values; band: their 95 % intervals." : one.exact ? "Line: exact values." : "Line: values; no interval is known.")
      + (data.changes.length ? " Dashed lines with a triangle: changes, which point to where the value went; thick lines: the levels." : "");
    const first = place ? x.findIndex((position) => position >= place) : -1;
    perflint.draw(data, first < 0 ? x.length - 1 : first);
    ownChanges();
  };
}
