// Loads data as scripts: a page that was opened from a file may not read other files.
"use strict";
{
  const have = new Map();
  const coming = new Map();
  const keep = (name, value) => have.set(name, value);

  // Each file of data calls one of these.
  perflint.data = {
    index: (told) => { perflint.told = told; },
    series: (key, told) => keep(`series-${key}`, told),
    commits: (repository, part, rows) => keep(`commits-${repository}-${part}`, new Map(rows.map((row) => [row[0], row]))),
    places: (repository, first, digits, text) => keep(`places-${repository}`, { first, digits, text }),
    runs: (part, rows) => keep(`runs-${part}`, new Map(rows.map((row) => [row[0], row]))),
    block: (repository, block, lines) => keep(`block-${repository}-${block}`, lines),
  };

  // What the file of that name holds; null where there is none.
  perflint.load = (name) => {
    if (have.has(name)) return Promise.resolve(have.get(name));
    if (!coming.has(name)) {
      coming.set(name, new Promise((done) => {
        const script = document.createElement("script");
        script.src = `data/${name}.js`;
        const end = () => { script.remove(); coming.delete(name); done(have.get(name) ?? null); };
        script.onload = end;
        script.onerror = end;
        document.head.append(script);
      }));
    }
    return coming.get(name);
  };

  const PER_FILE = 500;
  // [place, hash, date, subject] of a commit, or null.
  perflint.commit = async (repository, place) =>
    (await perflint.load(`commits-${repository}-${Math.floor(place / PER_FILE)}`))?.get(place) ?? null;
  // [number, page, base, head, created, status, source, link] of a run, or null.
  perflint.run = async (number) => (await perflint.load(`runs-${Math.floor(number / PER_FILE)}`))?.get(number) ?? null;
}
