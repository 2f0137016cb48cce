"""Folds equal layers of a model into one row, so that its table stays short. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .profile import ModuleTime

OTHER = "in no module"


@dataclass(frozen=True, slots=True)
class ModuleRow:
    """What `count` equal modules cost together; of several the name has stars: "GPT.blocks.*".

    A row without a class is none of a module: what is in none, or the rest of them.
    """

    time: ModuleTime
    count: int = 1

    @property
    def label(self) -> str:
        """How people read it: "GPT.blocks.* x12"."""
        name = self.time.name or OTHER
        return f"{name} x{self.count}" if self.count > 1 else name


def folded(
    modules: Sequence[ModuleTime], beside: Sequence[ModuleTime] = ()
) -> tuple[ModuleRow, ...]:
    """Fold numbered siblings that are all of one class, with what is below them, dearest first.

    They have to be of one class in the profile `beside` as well.
    """
    kinds: dict[str, set[str]] = defaultdict(set)
    for one in (*modules, *beside):
        *path, last = one.name.split(".")
        if last.isdecimal():
            kinds[".".join(path)].add(one.kind)
    alike = {path for path, found in kinds.items() if len(found) == 1}
    groups: dict[tuple[str, str], list[ModuleTime]] = defaultdict(list)
    for one in modules:
        groups[_starred(one.name, alike), one.kind].append(one)
    rows = [_row(name, group) for (name, _), group in groups.items()]
    return tuple(sorted(rows, key=lambda row: (-row.time.own, row.time.name)))


def shortened(rows: Sequence[ModuleRow], most: int) -> tuple[ModuleRow, ...]:
    """Keep so many rows, and add what the others take as one more."""
    rest = [row.time for row in rows[most:]]
    if not rest:
        return tuple(rows)
    forward, backward = sum(one.forward for one in rest), sum(one.backward for one in rest)
    others = ModuleTime(f"{len(rest):,} more", "", forward, backward)
    return (*rows[:most], ModuleRow(others))


def _starred(name: str, alike: Iterable[str]) -> str:
    pieces = name.split(".")
    return ".".join(
        "*" if piece.isdecimal() and ".".join(pieces[:index]) in alike else piece
        for index, piece in enumerate(pieces)
    )


def _row(name: str, group: Sequence[ModuleTime]) -> ModuleRow:
    if len(group) == 1:
        return ModuleRow(group[0])
    return ModuleRow(
        ModuleTime(
            name,
            group[0].kind,
            sum(one.forward for one in group),
            sum(one.backward for one in group),
            sum(one.total_forward for one in group),
            sum(one.total_backward for one in group),
            sum(one.calls for one in group),
            _together([one.error for one in group]),
        ),
        len(group),
    )


def _together(errors: Iterable[float | None]) -> float | None:
    """The error of a sum whose parts err alike: equal layers share the machine's state."""
    total = 0.0
    for error in errors:
        if error is None:
            return None
        total += error
    return total
