"""The classes of a project's files with their bases and methods, as far as their texts tell."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_LINE = re.compile(
    r"^(?:class (\w+)(?:\(([^()]*)\))?|([ \t]+)(?:async )?def (\w+)\()", re.MULTILINE
)
_LAST_NAME = re.compile(r"(\w+)\s*(?:$|\[)")
# However long a line of heirs is said to be.
_GENERATIONS = 4


@dataclass(frozen=True, slots=True)
class Outline:
    """A class at the top of a file: the last names of its bases, and its own methods."""

    file: str
    name: str
    bases: tuple[str, ...]
    methods: tuple[str, ...]


def outlines(texts: Iterable[tuple[str, str]]) -> Iterator[Outline]:
    """Yield the classes of each (file, text)."""
    for file, text in texts:
        found: list[tuple[str, str, list[str]]] = []
        depth = ""
        for line in _LINE.finditer(text):
            name, bases, indent, method = line.groups()
            if name:
                found.append((name, bases or "", []))
                depth = ""
            elif found:
                depth = depth or indent
                if indent == depth:
                    found[-1][2].append(method)
        for name, bases, methods in found:
            yield Outline(file, name, tuple(_last_names(bases)), tuple(methods))


def heirs_by_base(classes: Iterable[Outline]) -> dict[str, list[Outline]]:
    """Return the classes that derive from one of a name, by that name."""
    found: dict[str, list[Outline]] = defaultdict(list)
    for each in classes:
        for base in each.bases:
            found[base].append(each)
    return dict(found)


def heirs(base: str, by_base: Mapping[str, list[Outline]]) -> list[Outline]:
    """Return the classes that derive from one of this name, and those that derive from these."""
    found: dict[Outline, None] = {}
    above = {base}
    for _ in range(_GENERATIONS):
        new = [each for name in above for each in by_base.get(name, ()) if each not in found]
        found.update(dict.fromkeys(new))
        above = {each.name for each in new}
    return list(found)


def _last_names(bases: str) -> Iterator[str]:
    for part in bases.split(","):
        if "=" not in part and (last := _LAST_NAME.search(part.strip())):
            yield last.group(1)
