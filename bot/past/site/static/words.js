// Numbers and names as people read them.
"use strict";
{
  const MINUS = "\u2212";
  const signs = (text) => text.replace("-", MINUS);
  const grouped = (value, digits = 0) =>
    signs(value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));

  const scaled = (value, units) => {
    const size = Math.abs(value);
    const [, scale, unit] = units.find(([from]) => size >= from) ?? units[units.length - 1];
    const shown = value / scale;
    const digits = Math.abs(shown) >= 999.5 ? 0 : Math.abs(shown) >= 99.95 ? 1 : Math.abs(shown) >= 9.995 ? 2 : 3;
    return grouped(shown, digits) + unit;
  };
  // From which size on a number is divided by what, and is called how.
  const BYTES = [[2 ** 40, " TiB"], [2 ** 30, " GiB"], [2 ** 20, " MiB"], [2 ** 10, " KiB"]].map(([from, name]) => [from, from, name]);
  const LARGE = [[1e12, 1e12, "T"], [1e9, 1e9, "G"], [1e6, 1e6, "M"], [1e4, 1e3, "k"], [0, 1, ""]];

  perflint.words = {
    whole: (value) => grouped(value),
    // A value without its unit, but for bytes and shares, which the number is scaled by.
    value: (value, unit) => {
      if (value === null || !Number.isFinite(value)) return "–";
      if (unit === "bytes") return Math.abs(value) < 1024 ? `${grouped(value)} bytes` : scaled(value, BYTES);
      if (unit === "share") return `${grouped(100 * value, 1)} %`;
      // Counts are exact; a rate that happens to be whole is not.
      if (unit === "per step" || value === 0) return grouped(value);
      if (value !== 0 && Math.abs(value) < 1) return signs(value.toPrecision(3));
      return scaled(value, LARGE);
    },
    // With it.
    measure: (value, unit) => {
      const number = perflint.words.value(value, unit);
      return number === "–" || unit === "bytes" || unit === "share" ? number : `${number} ${unit}`;
    },
    interval: (low, high, unit) => (low === null || high === null || low === undefined || high === undefined
      ? "" : `[${perflint.words.value(low, unit)}, ${perflint.words.value(high, unit)}]`),
    // Null: of a level that was zero.
    percent: (share) => {
      if (share === null) return "from zero";
      const text = (100 * share).toFixed(1);
      return (share > 0 && Number(text) !== 0 ? "+" : "") + signs(Number(text) === 0 ? "0.0" : text) + " %";
    },
    ends: (low, high) => (low === null || high === null ? "" : `[${signs((100 * low).toFixed(1))}, ${signs((100 * high).toFixed(1))}]`),
    plural: (count, noun) => `${grouped(count)} ${noun}${count === 1 || noun === "series" ? "" : "s"}`,
    day: (moment) => moment.slice(0, 10),
    metric: (name) => name.replaceAll("_", " "),
  };
}
