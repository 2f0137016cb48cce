// Shows the page that the address names: #/, #/series/KEY, #/compare/A..B, #/runs.
"use strict";
{
  const { $ } = perflint.page;
  const VIEWS = ["overview", "one", "compare", "runs"];
  let shown = "";

  const show = (view, title) => {
    for (const id of VIEWS) $(id).hidden = id !== view;
    $("filter").hidden = view !== "overview" && view !== "compare";
    $("sort").parentElement.hidden = view !== "overview";
    for (const link of document.querySelectorAll("nav a")) {
      if (link.dataset.view === view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    $("title").textContent = title;
    document.title = view === "overview" ? "perflint history" : `${title}: perflint history`;
  };

  const go = () => {
    const address = location.hash.startsWith("#/") ? location.hash.slice(2) : "";
    const [path, query] = [address.split("?")[0], new URLSearchParams(address.split("?")[1] ?? "")];
    const [name, ...rest] = path.split("/");
    $("problem").hidden = true;
    perflint.filter.read(query);
    if (name === "series") {
      const series = perflint.byKey.get(rest[0]);
      if (!series) perflint.fail(`There is no series ${rest[0]} in this site.`);
      show("one", series ? series.name : "Unknown series");
      if (series) perflint.showSeries(series, Number(query.get("at")) || 0);
      else $("one").hidden = true;
    } else if (name === "compare") {
      show("compare", "Compare two commits");
      perflint.compare(decodeURIComponent(rest.join("/")));
    } else if (name === "runs") {
      show("runs", "Runs");
      perflint.runs();
    } else {
      show("overview", "Overview");
      perflint.overview();
    }
    // A reader of the page is told where it is now; at the first view the page begins at its top.
    if (shown && shown !== path) { scrollTo(0, 0); $("title").focus({ preventScroll: true }); }
    shown = path || "overview";
  };

  perflint.fail = (text) => { $("problem").textContent = text; $("problem").hidden = false; };

  $("skip").addEventListener("click", (event) => { event.preventDefault(); $("main").focus(); });
  if (!perflint.told) perflint.fail("data/index.js is missing or cannot be read.");
  else if (perflint.told.version !== 1) perflint.fail("These pages and their data are of different versions: build the site anew.");
  else {
    perflint.readIndex();
    perflint.filter.set(() => {
      const path = location.hash.startsWith("#/") ? location.hash.split("?")[0] : "#/";
      history.replaceState(null, "", path + perflint.filter.write());
      if ($("compare").hidden) perflint.overview();
      else perflint.showDifferences();
    });
    addEventListener("hashchange", go);
    go();
    $("made").textContent = `Made ${perflint.told.made.slice(0, 16).replace("T", " ")} UTC by perflint ${perflint.told.perflint}. Plots: uPlot.`;
    // From navigation to the first rows, in milliseconds; benchmarks/site.py reads it.
    requestAnimationFrame(() => setTimeout(() => { perflint.firstView = performance.now(); }));
  }
}
