// The newest runs that have a page of their own.
"use strict";
{
  const { $, make, link, table } = perflint.page;
  perflint.runs = () => {
    const runs = perflint.told.runs;
    $("runs-say").textContent = runs.length
      ? `The newest ${perflint.words.plural(runs.length, "run")} with a report: verdicts, counts, profile.`
      : "No run with its report is kept.";
    $("runs-table").replaceChildren();
    if (!runs.length) return;
    table($("runs-table"), "Runs", [["Run"], ["Measured"], ["Repository"], ["Status"]], runs, ([key, repository, base, head, created, status]) => [
      link(`runs/${key}/index.html`, make("code", "", `${base.slice(0, 7)} → ${head.slice(0, 7)}`)),
      created.slice(0, 16).replace("T", " "),
      repository,
      status === 0 ? "0, passed" : `${status}, look at it`,
    ]);
  };
}
