"""Counts what one step does, exactly: operators, and places where the host waits for the device."""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from .config import COUNTERS
from .own_code import OwnCode
from .sample import Counts, SyncSite

# Operators whose result the host has to know before it can go on: a value, or the size of one.
_READS = {
    "aten::_local_scalar_dense",
    "aten::_unique2",
    "aten::allclose",
    "aten::bincount",
    "aten::equal",
    "aten::masked_select",
    "aten::nonzero",
    "aten::unique_consecutive",
    "aten::unique_dim",
}


def count_steps(step: Callable[[], object], root: Path) -> Counts:
    """Count two steps, and keep what both agree on.

    `root` is the worktree: a wait is put down to the innermost line under it. Without a GPU, a read
    of any tensor counts as a wait, as it would be with that tensor on the device; left out are the
    optimizer's own step counters and data loading, which PyTorch keeps on the CPU anyway.
    """
    first, second = _count(step, root), _count(step, root)
    values = {name: first[name] for name in COUNTERS if first[name] == second[name]}
    sites = tuple(
        SyncSite(path, line, operator, count)
        for (path, line, operator), count in sorted(first.sites.items())
        if second.sites[path, line, operator] == count
    )
    unstable = {
        name: (min(first[name], second[name]), max(first[name], second[name]))
        for name in COUNTERS
        if name not in values
    }
    return Counts(values, unstable, sites)


class _Count(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's class is untyped
    """Sees every operator that reaches a device, also those that autograd calls."""

    def __init__(self, root: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._own = OwnCode(root)
        self._totals: Counter[str] = Counter()
        self.sites: Counter[tuple[str, int, str]] = Counter()

    def __getitem__(self, name: str) -> int:
        return self._totals[name]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Count one operator and run it."""
        self._totals["operators"] += 1
        if _waits(func.name().split(".")[0], args, kwargs or {}):
            self._note_wait(func.name().split(".")[0])
        return func(*args, **(kwargs or {}))

    def _note_wait(self, operator: str) -> None:
        frame: FrameType | None = sys._getframe(2)
        site: tuple[str, int, str] | None = None
        while frame is not None:
            file = frame.f_code.co_filename
            # Data sets are the repository's own code, but what a loader calls is on the CPU anyway.
            on_cpu = "/torch/utils/data/" in file or (site is None and "/torch/optim/" in file)
            if on_cpu and not torch.cuda.is_available():
                return
            if site is None and (path := self._own.path(file)) is not None:
                site = (path, frame.f_lineno, operator)
            frame = frame.f_back
        self._totals["host_syncs"] += 1
        if site is not None:
            self.sites[site] += 1


def _count(step: Callable[[], object], root: Path) -> _Count:
    counter = _Count(root)
    with counter:
        step()
    return counter


def _waits(operator: str, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    if operator in _READS:
        return _matters(args[0])
    if operator == "aten::index":
        # x[mask] has as many rows as the mask has true values.
        return _matters(args[0]) and any(_is_mask(index) for index in args[1])
    if operator in ("aten::index_put", "aten::index_put_"):
        # x[mask] = y; a single value is filled in without counting the mask's true values.
        masked = any(_is_mask(index) for index in args[1])
        return masked and args[2].numel() > 1 and _matters(args[0])
    if operator == "aten::repeat_interleave":
        return kwargs.get("output_size") is None and _matters(args[0])
    if operator == "aten::_to_copy":
        target = kwargs.get("device")
        to_host = target is not None and torch.device(target).type == "cpu"
        return args[0].is_cuda and to_host and not kwargs.get("non_blocking")
    if operator == "aten::copy_":
        blocking = not (args[2] if len(args) > 2 else kwargs.get("non_blocking", False))
        return args[1].is_cuda and not args[0].is_cuda and blocking
    return False


def _is_mask(index: Any) -> bool:
    return isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8)


def _matters(tensor: Any) -> bool:
    """Whether reading this tensor makes the host wait, or would with a GPU."""
    return tensor.is_cuda or not torch.cuda.is_available()
