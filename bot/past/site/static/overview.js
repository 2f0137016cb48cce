// The first page: what changed lately, then every series.
"use strict";
{
  const { $, make, link, spark, inParts, table } = perflint.page;
  const { words } = perflint;

  // Of several repositories, also which one.
  const whereOf = (one) => [one.file, perflint.repositories.length > 1 && perflint.repositories[one.repository].name].filter(Boolean).join(" · ");
  const nameOf = (one) => [link(`#/series/${one.key}`, one.name), make("div", "soft", whereOf(one))];

  // One change as a line; `own`: on the page of its series, whose name is known there.
  perflint.changeLine = (change, own = false) => {
    const one = change.series;
    const several = change.first < change.position ? ` (one of ${words.whole(change.position - change.first + 1)} commits)` : "";
    const size = make("strong", "", words.percent(change.change));
    const levels = `${words.value(change.before, one.unit)} → ${words.measure(change.after, one.unit)}`;
    const head = make("div", "", perflint.verdict(change), " ", size, " ", make("span", "soft", words.ends(change.low, change.high)), " ");
    if (!own) head.append(link(`#/series/${one.key}?at=${change.position}`, one.name), ` ${words.metric(one.metric)} `);
    head.append(make("span", "soft", `${levels}, ${change.state}`));
    const tail = make("div", "soft");
    if (change.sha) tail.append(perflint.commitLink(one.repository, change.sha), ` ${words.day(change.at)} ${change.subject}`);
    else tail.append(`commit ${words.whole(change.position)}`);
    tail.append(several);
    return make("li", "", head, tail);
  };

  const changes = () => {
    const shown = perflint.changes.filter((change) => perflint.filter.fits(change.series));
    $("changes").replaceChildren();
    $("changes-more").replaceChildren();
    if (!shown.length) $("changes-more").append(perflint.changes.length ? "No change of these series is known." : "No change is known.");
    else {
      $("changes").append(...shown.slice(0, 5).map((change) => perflint.changeLine(change)));
      if (shown.length > 5) {
        const all = make("button", "more", `Show all ${words.whole(shown.length)}`);
        all.type = "button";
        all.onclick = () => { all.remove(); inParts($("changes"), $("changes-more"), shown.slice(5), (one) => perflint.changeLine(one), 40); };
        $("changes-more").append(all);
      }
    }
  };

  const HEADS = [["Perf test"], ["Metric"], ["Machine"], ["Newest", true], ["Last change"], ["All commits"]];
  const cells = (one) => [
    make("div", "", ...nameOf(one)),
    words.metric(one.metric),
    make("div", "", one.hardware || "unknown", make("div", "soft", `PyTorch ${one.torch || "unknown"}`)),
    make("div", "", words.measure(one.value, one.unit), make("div", "soft", words.interval(one.low, one.high, one.unit))),
    one.changed
      ? make("div", "", perflint.verdict(one.changed), ` ${words.percent(one.changed.change)}`, make("div", "soft", words.day(one.changed.at)))
      : make("span", "soft", "none known"),
    spark(one.picture),
  ];

  perflint.overview = () => {
    const told = perflint.told;
    const many = `${words.plural(told.values, "value")} of ${words.plural(perflint.series.length, "series")}`;
    $("summary").textContent = `${many} in ${perflint.repositories.map((one) => one.name).join(", ") || "no repository yet"}.`
      + (told.leftOut ? ` ${words.plural(told.leftOut, "series")} without a value on the main branch are left out.` : "");
    changes();
    const shown = perflint.filter.sorted(perflint.series.filter(perflint.filter.fits));
    $("count").textContent = `${words.whole(shown.length)} of ${words.plural(perflint.series.length, "series")}`;
    table($("series"), "Series", HEADS, shown, cells);
  };
  perflint.nameOf = nameOf;
}
