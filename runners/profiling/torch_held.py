"""Runs a step and notes which line and module takes which memory, and what autograd saves."""

import gc
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torch.utils._python_dispatch import TorchDispatchMode

from ..counters.torch_memory import held_bytes
from ..sides.own_code import OwnCode
from .memory import Allocation, Change, Saved, StepMemory, at_peak
from .recording import Line


def step_memory(step: Callable[[], object], root: Path) -> StepMemory:
    """Run a step twice: once for what it holds at its most, once for what autograd saves.

    Blocks count when an operator first returns a tensor on them, and until no tensor is left. What
    operators take and give back within themselves is not seen. Lines are those of files under
    `root`; of a backward operator it is the one that calls `backward()`.
    """
    gc.collect()
    before = held_bytes()
    with _running_modules() as modules:
        watch = _Watch(OwnCode(root), modules)
        with watch:
            step()
        most, holders = at_peak(watch.changes)
        saved = _saved(step, modules)
    return StepMemory(before, before + most, holders, saved)


def _saved(step: Callable[[], object], modules: list[str]) -> tuple[Saved, ...]:
    sums: Counter[str] = Counter()

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.layout is torch.strided:
            sums[modules[-1] if modules else ""] += tensor.numel() * tensor.element_size()
        # The tensor itself would lead back to the node that keeps it, and never be freed.
        return tensor.detach()

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        step()
    return tuple(Saved(module, size) for module, size in sums.most_common())


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the blocks that operators return, and when the last tensor on each is gone."""

    def __init__(self, own: OwnCode, modules: list[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.changes: list[Change] = []
        self._own, self._modules = own, modules
        self._known: dict[int, weakref.ref[Any]] = {}
        self._count = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        # What an operator is given was there before, whoever made it.
        for tensor in _tensors((args, kwargs or {})):
            self._note(tensor, counts=False)
        result = func(*args, **(kwargs or {}))
        for tensor in _tensors(result):
            self._note(tensor, counts=True)
        return result

    def _note(self, tensor: torch.Tensor, *, counts: bool) -> None:
        if tensor.layout is not torch.strided:
            return
        storage = tensor.untyped_storage()
        key = id(storage)
        known = self._known.get(key)
        if known is not None and known() is storage:
            return
        if not counts:
            self._known[key] = weakref.ref(storage)
            return
        self._count += 1
        block = self._count
        self.changes.append(
            Allocation(block, storage.nbytes(), self._line(), self._modules[-1] if self._modules
                       else "")
        )  # fmt: skip
        self._known[key] = weakref.ref(storage, lambda _: self.changes.append(block))

    def _line(self) -> Line | None:
        frame = sys._getframe(2)
        while frame is not None:
            path = self._own.path(frame.f_code.co_filename)
            if path is not None:
                return path, frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return None


def _tensors(values: Any) -> Iterator[torch.Tensor]:
    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))


@contextmanager
def _running_modules() -> Iterator[list[str]]:
    """Yield the names of the modules whose forward runs, the innermost last."""
    running: list[str] = []
    names: dict[int, str] = {}

    def before(module: torch.nn.Module, args: Any) -> None:
        if not running:
            # The outermost one knows how its parts are called.
            for name, part in module.named_modules():
                names.setdefault(id(part), f"{type(module).__name__}.{name}".rstrip("."))
        running.append(names.get(id(module), type(module).__name__))

    def after(module: torch.nn.Module, args: Any, output: Any) -> None:
        running.pop()

    hooks = [
        register_module_forward_pre_hook(before),
        register_module_forward_hook(after, always_call=True),
    ]
    try:
        yield running
    finally:
        for hook in hooks:
            hook.remove()
