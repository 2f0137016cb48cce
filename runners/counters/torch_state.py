"""Tells what of a perf test's state outlives it: models kept for the next build, leaked tensors."""

import gc
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch

from .torch_memory import held_bytes

# A module that is alive, by its id, with how often its parameters were written to.
Alive = dict[int, tuple[torch.nn.Module, int]]


def models_alive() -> dict[int, int]:
    """Map the ids of living models to a number that grows when their parameters are written to."""
    return {number: writes for number, (_, writes) in _alive().items()}


def kept_models(before: dict[int, int], root: Path) -> list[str]:
    """Name the models that a finished test has used and that are still alive.

    `before` is what `models_alive` said before the test was set up. A model is known to be used
    where it was made meanwhile or where its parameters were written to, as a training step does.
    """
    gc.collect()
    alive = _alive()
    trees = [list(model.modules()) for model, _ in alive.values()]
    parts = {id(part) for tree in trees for part in tree[1:]}
    return sorted(
        _name(model, root)
        for number, (model, writes) in alive.items()
        if number not in parts and before.get(number) != writes
    )


class Left(NamedTuple):
    """Bytes of tensors that each step leaves: for good, and in cycles for the garbage collector."""

    leaked: int
    cyclic: int


def left_behind(step: Callable[[], object]) -> Left:
    """Return by how many bytes of tensors each step leaves more behind than it found.

    The least of several steps: what is made once, such as an optimizer's state, is no leak.
    """
    gc.collect()
    # First only what steps make is looked through, which is little.
    gc.freeze()
    try:
        found = _left(step)
    finally:
        gc.unfreeze()
    # What took the place of something that was there before has not been told from a leak.
    return found._replace(leaked=_left(step).leaked) if found.leaked else found


def _left(step: Callable[[], object]) -> Left:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        found = [_held_around_a_collection(step) for _ in range(4)]
    finally:
        if was_enabled:
            gc.enable()
    held = [after for _, after in found]
    leaked = min(after - before for before, after in pairwise(held))
    return Left(max(0, leaked), max(0, min(before - after for before, after in found)))


def _held_around_a_collection(step: Callable[[], object]) -> tuple[int, int]:
    step()
    before = _held_bytes()
    gc.collect()
    return before, _held_bytes()


def _alive() -> Alive:
    return {
        id(thing): (thing, writes)
        for thing in gc.get_objects()
        # Some lazy objects raise when asked for their class, so ask for the type only.
        if issubclass(type(thing), torch.nn.Module) and (writes := _writes(thing)) is not None
    }


def _writes(model: torch.nn.Module) -> int | None:
    """Add up the versions of the parameters; None for a module that has none, or is half made."""
    if "_parameters" not in vars(model) or "_modules" not in vars(model):
        return None
    parameters = list(model.parameters())
    # Setting `.grad` writes to no parameter, and is training all the same.
    return sum(p._version + (p.grad is not None) for p in parameters) if parameters else None


def _name(model: torch.nn.Module, root: Path) -> str:
    kind = type(model).__name__
    places = (f"{place} ({kind})" for place in _places(model, root))
    return next(places, f"a {kind} that no variable of a module names, such as one in a cache")


def _places(model: torch.nn.Module, root: Path) -> Iterator[str]:
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and Path(file).is_relative_to(root):
            names = [name for name, value in list(vars(module).items()) if value is model]
            yield from (f"{name} in {Path(file).relative_to(root)}" for name in names)


def _held_bytes() -> int:
    """Add up what living tensors hold: on a GPU by the allocator's account, else each storage."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        return int(torch.cuda.memory_allocated())
    return held_bytes()
