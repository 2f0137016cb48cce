// The bar that says which series are shown, and how it stands in the address.
"use strict";
{
  const { $, make } = perflint.page;
  const KEYS = ["search", "metric", "hardware", "repository", "sort"];
  let tell = () => {};

  const options = (id, values) => {
    const select = $(id);
    for (const value of values) {
      const option = make("option", "", id === "metric" ? perflint.words.metric(value) : value || "unknown");
      option.value = value;
      select.append(option);
    }
    // One that leaves no choice says nothing.
    select.parentElement.hidden = values.length < 2;
  };
  const several = (values) => [...new Set(values)].sort();

  const fits = (one) => {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    return (!$("metric").value || one.metric === $("metric").value)
      && (!$("hardware").value || one.hardware === $("hardware").value)
      && (!$("repository").value || perflint.repositories[one.repository].name === $("repository").value)
      && words.every((word) => one.find.includes(word));
  };

  const place = (one) => perflint.repositories[one.repository].last - one.changed.position;
  // From zero on, any change is larger than what has a size.
  const sizeOf = (one) => (one.changed.change === null ? 1e9 : Math.abs(one.changed.change));
  const byName = (a, b) => a.find < b.find ? -1 : a.find > b.find ? 1 : a.number - b.number;
  const ORDERS = {
    change: (a, b) => Boolean(b.changed) - Boolean(a.changed) || (a.changed && place(a) - place(b)) || byName(a, b),
    size: (a, b) => Boolean(b.changed) - Boolean(a.changed) || (a.changed && sizeOf(b) - sizeOf(a)) || byName(a, b),
    name: byName,
  };

  perflint.filter = {
    set: (then) => {
      options("metric", several(perflint.series.map((one) => one.metric)));
      options("hardware", several(perflint.series.map((one) => one.hardware)));
      options("repository", several(perflint.repositories.map((one) => one.name)));
      $("filter").addEventListener("input", () => tell());
      $("filter").addEventListener("submit", (event) => event.preventDefault());
      tell = then;
    },
    fits,
    sorted: (some) => [...some].sort(ORDERS[$("sort").value] ?? byName),
    // What stands behind `?` in the address.
    read: (query) => { for (const key of KEYS) if (query.has(key)) $(key).value = query.get(key); },
    write: () => {
      const query = new URLSearchParams();
      for (const key of KEYS) if ($(key).value && !(key === "sort" && $(key).value === "change")) query.set(key, $(key).value);
      return query.size ? `?${query}` : "";
    },
  };
}
