"""What is alive at the peak of a step's memory, by the lines and modules that made it. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from .recording import Line


@dataclass(frozen=True, slots=True)
class Allocation:
    """A block that a step takes: its number, its bytes, the line and the module that ran then."""

    block: int
    size: int
    line: Line | None = None
    module: str = ""


# An allocation, or the number of a block that is released.
Change = Allocation | int


@dataclass(frozen=True, slots=True)
class Holder:
    """Bytes that are alive at the peak; `line` is "path:line", "" where no line of ours ran."""

    line: str
    module: str
    size: int


@dataclass(frozen=True, slots=True)
class Saved:
    """Bytes that autograd saves for backward while a module runs, "" where none does."""

    module: str
    size: int


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that are held between steps for a module, the largest first.

    `kind` is a value of `KINDS`; they are counted to the module that owns the parameter, and
    other tensors (batches, caches, what a list collects) to none.
    """

    module: str
    kind: str
    size: int


PARAMETERS, GRADIENTS, OPTIMIZER, OTHER = KINDS = (
    "parameters and buffers",
    "gradients",
    "optimizer state",
    "other tensors",
)


def with_others(kept: tuple[Kept, ...], before: int) -> tuple[Kept, ...]:
    """Add to what modules keep the rest of what is held `before` a step: of no module."""
    rest = before - sum(one.size for one in kept)
    return (*kept, Kept("", OTHER, rest)) if rest > 0 else kept


@dataclass(frozen=True, slots=True)
class StepMemory:
    """A step's memory in bytes: `before` is held when it begins, `peak` is the most, with that.

    `holders` is what the step has taken of it, the largest first; `kept` says what `before` is
    made of.
    """

    before: int
    peak: int
    holders: tuple[Holder, ...] = ()
    saved: tuple[Saved, ...] = ()
    kept: tuple[Kept, ...] = ()

    def kept_by_kind(self) -> dict[str, int]:
        """Return of each kind how much is held between steps, what there is none of left out."""
        sums = {kind: sum(one.size for one in self.kept if one.kind == kind) for kind in KINDS}
        return {kind: size for kind, size in sums.items() if size}


@dataclass(frozen=True, slots=True)
class LineHeld:
    """Bytes that a line has taken and that are alive at the peak of a step.

    `line` counts in head's file and `path` is "" where no line of the repository ran; what edited
    lines held on base is shared out among those that replace them. `touched` says whether the
    change added or edited it. `module` is the one that ran when it took most more, "" where none
    did, one of `modules` in which it takes more: as in `ModuleHeld`.
    """

    path: str
    line: int
    source: str
    base: int
    head: int
    touched: bool = False
    module: str = ""
    modules: int = 0


@dataclass(frozen=True, slots=True)
class ModuleHeld:
    """Bytes of one kind that belong to a module: see `Kept`, and `Saved` where `kind` is "".

    Modules that differ in numbers only are taken together, as `GPT.blocks.*.mlp`.
    """

    module: str
    kind: str
    base: int
    head: int


@dataclass(frozen=True, slots=True)
class MemoryChange:
    """What differs of a step's memory, in bytes, the largest growth first.

    `base` and `head` are the most that is held, as far as operators show it, and `base_before` and
    `head_before` what is held when the step begins. `lines` have taken what is alive then, `kept`
    is held between steps for a module, and `saved` is saved for backward while it runs.
    """

    base: int
    head: int
    base_before: int
    head_before: int
    lines: tuple[LineHeld, ...] = ()
    kept: tuple[ModuleHeld, ...] = ()
    saved: tuple[ModuleHeld, ...] = ()


def at_peak(
    changes: Sequence[Change], there: Mapping[int, int] = MappingProxyType({})
) -> tuple[int, tuple[Holder, ...]]:
    """Return the most that the changes, in order of time, add up to, and what is alive then.

    `there` are the blocks that are there before, by number, with their sizes: to release one (a
    gradient, say) makes room for others.
    """
    sizes = dict(there)
    total = most = 0
    until = 0
    for number, change in enumerate(changes, 1):
        if isinstance(change, Allocation):
            sizes[change.block] = change.size
            total += change.size
        else:
            total -= sizes.pop(change, 0)
        if total > most:
            most, until = total, number
    return most, _holders(_alive(changes[:until]))


def _alive(changes: Iterable[Change]) -> Iterable[Allocation]:
    alive: dict[int, Allocation] = {}
    for change in changes:
        if isinstance(change, Allocation):
            alive[change.block] = change
        else:
            alive.pop(change, None)
    return alive.values()


def _holders(alive: Iterable[Allocation]) -> tuple[Holder, ...]:
    sums: Counter[tuple[str, str]] = Counter()
    for one in alive:
        line = f"{one.line[0]}:{one.line[1]}" if one.line else ""
        sums[line, one.module] += one.size
    return tuple(Holder(line, module, size) for (line, module), size in sums.most_common() if size)
