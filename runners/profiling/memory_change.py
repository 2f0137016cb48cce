"""How what two sides hold at the peak of a step differs, by line and by module. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from .difference import carried, match_lines
from .memory import Holder, LineHeld, MemoryChange, ModuleHeld, StepMemory

# So many rows of each kind are enough.
_MOST = 20
# Of a list of layers, which.
_NUMBER = re.compile(r"\.\d+(?=\.|$)")


def diff_memory(
    base: StepMemory, head: StepMemory, source: Callable[[str], tuple[str, str]]
) -> MemoryChange:
    """Compare two sides; `source` returns the base and head text of a file ("" where missing)."""
    shown = _names(name for side in (base, head) for name in _modules_of(side))
    kept = _modules(
        _sums((shown[one.module], one.kind, one.size) for one in base.kept),
        _sums((shown[one.module], one.kind, one.size) for one in head.kept),
    )
    saved = _modules(
        _sums((shown[one.module], "", one.size) for one in base.saved),
        _sums((shown[one.module], "", one.size) for one in head.saved),
    )
    before, after = (_by_line(side.holders, shown) for side in (base, head))
    lines = [one for one in _lines(before, after, source) if one.base != one.head]
    lines.sort(key=lambda one: (one.base - one.head, one.path, one.line))
    return MemoryChange(
        base.peak, head.peak, base.before, head.before, tuple(lines[:_MOST]), kept, saved
    )


def _modules_of(side: StepMemory) -> Iterator[str]:
    yield from (one.module for one in side.holders)
    yield from (one.module for one in side.kept)
    yield from (one.module for one in side.saved)


def _names(modules: Iterable[str]) -> dict[str, str]:
    """Return by each module's name that of all which differ from it in numbers only."""
    alike: dict[str, set[str]] = {}
    for name in modules:
        alike.setdefault(_NUMBER.sub(".*", name), set()).add(name)
    return {
        name: pattern if len(names) > 1 else name
        for pattern, names in alike.items()
        for name in names
    }


def _sums(rows: Iterable[tuple[str, str, int]]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for module, kind, size in rows:
        found[module, kind] += size
    return found


def _modules(
    before: Counter[tuple[str, str]], after: Counter[tuple[str, str]]
) -> tuple[ModuleHeld, ...]:
    found = [
        ModuleHeld(*key, before[key], after[key]) for key in sorted(before.keys() | after.keys())
    ]
    found = [one for one in found if one.base != one.head]
    return tuple(sorted(found, key=lambda one: one.base - one.head)[:_MOST])


Places = dict[tuple[str, int], Counter[str]]


def _lines(
    before: Places, after: Places, source: Callable[[str], tuple[str, str]]
) -> Iterator[LineHeld]:
    for path in sorted({path for path, _ in (*before, *after)}):
        was = {line: sizes for (at, line), sizes in before.items() if at == path}
        now = {line: sizes for (at, line), sizes in after.items() if at == path}
        if not path:
            old, new = was.get(0, Counter()), now.get(0, Counter())
            yield _line(path, 0, "", old, new, old.total())
            continue
        texts = source(path)
        same, rows = match_lines(*texts), texts[1].split("\n")
        at_base = carried(
            *texts,
            {line: float(sizes.total()) for line, sizes in was.items()},
            {line: float(sizes.total()) for line, sizes in now.items()},
        )
        for line in sorted(now.keys() | at_base.keys()):
            old = was.get(same.get(line, 0), Counter())
            text = rows[line - 1].strip() if line <= len(rows) else ""
            size = round(at_base.get(line, 0.0))
            new = now.get(line, Counter())
            yield _line(path, line, text, old, new, size, touched=line not in same)


def _line(
    path: str,
    line: int,
    text: str,
    old: Counter[str],
    new: Counter[str],
    base: int,
    *,
    touched: bool = False,
) -> LineHeld:
    grown = [(size - old[name], name) for name, size in new.items() if name and size > old[name]]
    # Of several that grew alike, the first by name.
    module = min(grown, key=lambda one: (-one[0], one[1]), default=(0, ""))[1]
    return LineHeld(path, line, text, base, new.total(), touched, module, len(grown))


def _by_line(holders: Iterable[Holder], shown: Mapping[str, str]) -> Places:
    """By line, how much it holds in which modules."""
    found: Places = {}
    for one in holders:
        path, _, line = one.line.rpartition(":")
        place = (path, int(line)) if path else ("", 0)
        found.setdefault(place, Counter())[shown[one.module]] += one.size
    return found
