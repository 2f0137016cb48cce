"""Says how the dependencies of two sides differ: by what they declare, and by what is installed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ... import PerflintError
from ..config import RunnersConfig
from ..result import DependencyChange
from ..sample import Side
from ..text.words import some
from .requirements import Declared, is_project, read_declared
from .unread import unread_parts

_MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What both sides declare, and which changed files make it differ.

    `files` are those that perflint can install from, `unread` those that it cannot: parts of a
    pyproject.toml as `pyproject.toml [table]`.
    """

    declared: Mapping[Side, Declared] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def causes(self, *, own_command: bool) -> tuple[str, ...]:
        """Return what makes the sides need environments; a command of the user's reads anything."""
        return (*self.files, *self.unread) if own_command else self.files


def compare_declared(
    roots: Mapping[Side, Path], sources: tuple[str, ...], changed: Iterable[str]
) -> Dependencies:
    """Read what each side declares in `sources`, and find the `changed` files that differ in it.

    Order, comments and a requirement's file do not matter. Raises PerflintError where a source that
    the configuration names is on neither side.
    """
    for source in sources:
        missing = not any((root / source).is_file() for root in roots.values())
        if missing and not is_project(source) and source not in RunnersConfig().requirements:
            raise PerflintError(
                f"[tool.perflint.runners] requirements: there is no file {source!r} on either side"
            )
    declared = {side: read_declared(root, sources) for side, root in roots.items()}
    base, head = declared[Side.BASE], declared[Side.HEAD]
    files: tuple[str, ...] = ()
    if _content(base) != _content(head):
        names = sorted({*base.by_file, *head.by_file})
        files = tuple(n for n in names if base.by_file.get(n) != head.by_file.get(n))
    read = {name for one in declared.values() for name in one.by_file} - {"pyproject.toml"}
    parts = unread_parts((name for name in changed if name not in read), roots, sources)
    return Dependencies(declared, files, tuple(parts))


def _content(declared: Declared) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(declared.lines), frozenset(declared.constraints)


def unread_note(unread: tuple[str, ...]) -> str:
    """Say that part of what a change does to its dependencies is not measured."""
    verb = "differ" if len(unread) > 1 else "differs"
    return (
        f"dependency change NOT included: {some(unread, _MOST_NAMED)} {verb}, which perflint does "
        "not install from, so as far as that goes both sides run with what is installed here "
        "(`requirements` and `install` of [tool.perflint.runners] change that)"
    )


def changes_between(
    base: Mapping[str, str], head: Mapping[str, str]
) -> tuple[DependencyChange, ...]:
    """List the distributions whose version differs between two environments."""
    names = sorted({*base, *head})
    pairs = ((name, base.get(name), head.get(name)) for name in names)
    return tuple(DependencyChange(*pair) for pair in pairs if pair[1] != pair[2])


def environment_notes(
    dependencies: Dependencies,
    installed: Mapping[Side, Mapping[str, str]],
    causes: tuple[str, ...],
) -> Iterator[str]:
    """Say what the sides' own environments include of the change, the outcome first."""
    changes = changes_between(installed[Side.BASE], installed[Side.HEAD])
    if changes:
        yield included(changes)
    else:
        yield (
            f"{some(causes, _MOST_NAMED)} changes what the project depends on, and yet what is "
            "installed for both sides is the same"
        )
    for side in Side:
        only = dependencies.declared[side].names - dependencies.declared[side.other].names
        both = {
            name
            for name in only
            if name in installed[side] and installed[side][name] == installed[side.other].get(name)
        }
        if both:
            yield (
                f"only {side.value} declares {some(sorted(both), _MOST_NAMED)}, and it is "
                f"installed here, so that {side.other.value} can import it as well"
            )


def included(changes: tuple[DependencyChange, ...]) -> str:
    """Name the distributions that differ, for the first lines of a report."""
    return "dependency change included: " + some(map(told, changes), _MOST_NAMED)


def told(change: DependencyChange) -> str:
    """Write `numpy 1.26.4 → 2.1.0`."""
    if change.base is None:
        return f"{change.name} {change.head} added"
    if change.head is None:
        return f"{change.name} {change.base} removed"
    return f"{change.name} {change.base} → {change.head}"
