// What the index says, with names.
"use strict";
{
  const text = (number) => perflint.told.texts[number];

  const readSeries = (row, number) => {
    const [key, repository, test, parameters, metric, unit, hardware, torch, driver, higher, count, last, value, low, high, picture] = row;
    const one = {
      number, key, repository, test, parameters, metric: text(metric), unit: text(unit), hardware: text(hardware),
      torch: text(torch), driver: text(driver), higher: Boolean(higher), count, last, value, low, high, picture, changes: [],
    };
    one.name = test.slice(test.lastIndexOf("::") < 0 ? 0 : test.lastIndexOf("::") + 2) + parameters;
    // Counted, not measured: where two such values differ, they do.
    one.exact = one.unit === "per step" || one.metric === "peak_bytes";
    one.file = test.includes("::") ? test.slice(0, test.lastIndexOf("::")) : "";
    one.find = `${test}${parameters} ${perflint.words.metric(one.metric)} ${one.metric}`.toLowerCase();
    return one;
  };

  // What a file has of a change, as Python's `change_row` writes it.
  perflint.readChange = (row, series) => {
    const [position, before, after, change, low, high, state, first] = row;
    const rises = after > before;
    return { position, before, after, change, low, high, state, first, rises, better: rises === series.higher, series };
  };

  perflint.readIndex = () => {
    const told = perflint.told;
    perflint.repositories = told.repositories.map(([name, first, last, home], number) => ({ number, name, first, last, home }));
    perflint.series = told.series.map(readSeries);
    perflint.byKey = new Map(perflint.series.map((one) => [one.key, one]));
    perflint.changes = told.changes.map(([number, ...row]) => {
      const change = perflint.readChange(row, perflint.series[number]);
      [change.at, change.sha, change.subject] = row.slice(8);
      change.series.changes.push(change);
      return change;
    });
    // Newest first, as they are listed.
    perflint.series.forEach((one) => { one.changed = one.changes.length ? one.changes[0] : null; });
  };

  // Whether it is for the better or worse, by word, shape and colour.
  perflint.verdict = (change) => {
    const { make } = perflint.page;
    const sign = change.rises ? "▲" : "▼";
    return make("span", change.better ? "better" : "worse", `${sign} ${change.better ? "better" : "worse"}`);
  };
  perflint.commitLink = (repository, sha) => {
    const { make, link } = perflint.page;
    const shown = make("code", "", sha.slice(0, 7));
    const home = perflint.repositories[repository].home;
    return home && /^[0-9a-f]{7,64}$/.test(sha) ? link(`${home}/commit/${sha}`, shown) : shown;
  };
}
