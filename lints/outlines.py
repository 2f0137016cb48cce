"""The classes of a project's files with their bases and methods, as far as their texts tell."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from .only import may_tell

_LINE = re.compile(
    r"^(?:class (\w+)(?:\(([^()]*)\))?|([ \t]+)(?:async )?def (\w+)\()", re.MULTILINE
)
_LAST_NAME = re.compile(r"(\w+)\s*(?:$|\[)")
# How far down heirs are looked for, and of how many a base class is a library's.
_GENERATIONS = 4
_MOST_HEIRS = 12
# So many classes of one file stand for each other.
_MOST_CLASSES = 3


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


class Roster:
    """Answers which classes have a method, or derive from one, by their names alone."""

    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        """Take (file, text) of all files; they are read when something is asked."""
        self._texts = texts

    def methods_named(self, name: str) -> list[tuple[str, str]]:
        """Return the methods that a name alone tells, as (file, "Class.method")."""
        return self._telling.get(name, [])

    def heirs(self, home: str, method: str) -> list[Outline]:
        """Return the classes below one of a name, however far, that define a method.

        Of the many heirs of a library's class, as of a metric, nobody can tell which one runs.
        """
        found: dict[Outline, None] = {}
        above = {home}
        for _ in range(_GENERATIONS):
            below = [each for name in above for each in self._by_base.get(name, ())]
            new = [each for each in below if each not in found]
            found.update(dict.fromkeys(new))
            above = {each.name for each in new}
        overriding = [each for each in found if method in each.methods]
        return overriding if len(overriding) <= _MOST_HEIRS else []

    @cached_property
    def _classes(self) -> list[Outline]:
        return list(outlines(self._texts))

    @cached_property
    def _telling(self) -> dict[str, list[tuple[str, str]]]:
        return telling_methods(self._classes)

    @cached_property
    def _by_base(self) -> dict[str, list[Outline]]:
        found: dict[str, list[Outline]] = defaultdict(list)
        for each in self._classes:
            for base in each.bases:
                found[base].append(each)
        return found


def telling_methods(classes: Iterable[Outline]) -> dict[str, list[tuple[str, str]]]:
    """Return (file, "Class.method") by the name of each method that only classes of one file have.

    Such classes stand for each other, as the models of one file do.
    """
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for each in classes:
        for method in filter(may_tell, each.methods):
            found[method].append((each.file, f"{each.name}.{method}"))
    return {
        name: targets
        for name, targets in found.items()
        if len(targets) <= _MOST_CLASSES and len({file for file, _ in targets}) == 1
    }


def _last_names(bases: str) -> Iterator[str]:
    for part in bases.split(","):
        if "=" not in part and (last := _LAST_NAME.search(part.strip())):
            yield last.group(1)
