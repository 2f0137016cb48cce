"""Counts what one step does, exactly: each count is taken twice, and kept where both agree."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from . import torch_autograd, torch_compile, torch_launches, torch_memory
from .config import COUNTERS
from .python_calls import count_calls
from .sample import Counts, Products, SyncSite
from .torch_flops import Kind
from .torch_operators import Site, count_operators

Counted = Mapping[str, int]


def count_steps(
    step: Callable[[], object], root: Path, compiled: torch_compile.Counted | None = None
) -> Counts:
    """Count steps that are past their first ones, and keep what two counts agree on.

    `root` is the worktree: a wait is put down to the innermost line under it. Without a GPU, a read
    of any tensor counts as a wait, as it would be with that tensor on the device; left out are the
    optimizer's own step counters and data loading, which PyTorch keeps on the CPU anyway.

    `compiled` is what `torch_compile.first_steps` counted. What is compiled is thrown away at the
    end, so that it can be counted a second time. One thing is looked at in one run of the step, so
    that no instrument sees another.
    """
    with torch_compile.as_written():
        operators = [count_operators(step, root) for _ in range(2)]
    both: list[dict[str, int]] = [dict(seen.counts) for seen in operators]
    for counts in both:
        counts.update(_called_and_saved(step, root))
    for counts, memory in zip(both, torch_memory.count_memory(step), strict=True):
        counts.update(memory)
    if compiled is None:
        compiled = {} if torch_compile.is_compiled() else torch_compile.NOTHING
    again = torch_compile.compile_again(step, compiled)
    for counts, breaks in zip(both, again, strict=True):
        counts.update(breaks)
    one, other = operators
    return Counts(
        *_agreed(both[0], both[1]),
        _agreed_sites(one.sites, other.sites),
        _agreed_products(one.products, other.products),
    )


def _called_and_saved(step: Callable[[], object], root: Path) -> dict[str, int]:
    found = {
        "python_calls": count_calls(step, root),
        "kernel_launches": torch_launches.count_launches(step),
    }
    if not torch_compile.is_compiled():
        # Hooks would be compiled into the step, which then is another one.
        found["saved_for_backward_bytes"] = torch_autograd.count_saved(step)
    return {name: count for name, count in found.items() if count is not None}


def _agreed(first: Counted, second: Counted) -> tuple[dict[str, int], dict[str, tuple[int, int]]]:
    known = [name for name in COUNTERS if name in first and name in second]
    values = {name: first[name] for name in known if first[name] == second[name]}
    unstable = {
        name: (min(first[name], second[name]), max(first[name], second[name]))
        for name in known
        if name not in values
    }
    return values, unstable


def _agreed_sites(first: Counter[Site], second: Counter[Site]) -> tuple[SyncSite, ...]:
    return tuple(
        SyncSite(path, line, operator, count)
        for (path, line, operator), count in sorted(first.items())
        if second[path, line, operator] == count
    )


def _agreed_products(first: Counter[Kind], second: Counter[Kind]) -> tuple[Products, ...]:
    # Where the parts differ there is no telling which step is the one that is timed.
    if first != second:
        return ()
    return tuple(Products(device, kind, n) for (device, kind), n in sorted(first.items()) if n)
