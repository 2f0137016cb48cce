"""Runs a step and notes which line and module takes which memory, and what autograd saves."""

import gc
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torch.utils._python_dispatch import TorchDispatchMode

from ..counters.torch_memory import block_of, held_bytes
from ..limit import TimeLimit
from ..sides.own_code import OwnCode
from .memory import Allocation, Change, Saved, StepMemory, at_peak, with_others
from .recording import Line
from .torch_kept import kept_for_modules


def step_memory(
    step: Callable[[], object], root: Path, steps: int = 1, limit: TimeLimit | None = None
) -> StepMemory:
    """Run so many steps twice: for what they hold at their most, and for what autograd saves.

    Told is the step that holds most, and the one that saves most; fewer are run where `limit` is
    over before. Blocks count when an operator first returns a tensor on them, and until no tensor
    is left. What operators take and give back within themselves is not seen. Lines are those of
    files under `root`; of a backward operator it is the one that calls `backward()`. With a GPU
    only its memory counts.
    """
    own = OwnCode(root)
    held: list[StepMemory] = []
    saved: list[tuple[Saved, ...]] = []
    with _running_modules() as modules:
        for _ in _until(limit, steps):
            with _holding(own, modules, held):
                step()
        for _ in _until(limit, steps):
            with _saving(modules, saved):
                step()
    most = max(held, key=lambda one: one.peak)
    return replace(most, saved=max(saved, key=lambda one: sum(each.size for each in one)))


class ScriptMemory:
    """Looks at two steps of a script from its inside: what the first holds, what the second saves.

    `boundary` is called where a step ends; `found` is what both have shown.
    """

    def __init__(self, root: Path) -> None:
        self.found: StepMemory | None = None
        self._own = OwnCode(root)
        self._held: list[StepMemory] = []
        self._saved: list[tuple[Saved, ...]] = []
        self._modules: list[str] = []
        self._around, self._looking = ExitStack(), ExitStack()
        self._begun = False

    def boundary(self) -> None:
        """Go on to the next step; all contexts are closed once there is something found."""
        self._looking.close()
        if not self._begun:
            self._begun = True
            self._modules = self._around.enter_context(_running_modules())
            self._looking.enter_context(_holding(self._own, self._modules, self._held))
        elif not self._saved:
            self._looking.enter_context(_saving(self._modules, self._saved))
        else:
            self.close()
            self.found = replace(self._held[0], saved=self._saved[0])

    def close(self) -> None:
        """Look no more."""
        self._looking.close()
        self._around.close()


def _until(limit: TimeLimit | None, steps: int) -> Iterator[int]:
    for number in range(steps):
        if number and limit is not None and limit.is_over():
            return
        yield number


@contextmanager
def _holding(own: OwnCode, modules: list[str], found: list[StepMemory]) -> Iterator[None]:
    """Add what is held before what runs inside, and at its most, to `found`."""
    gc.collect()
    on_gpu = torch.cuda.is_available()
    device = "cuda" if on_gpu else "cpu"
    before = torch.cuda.memory_allocated() if on_gpu else held_bytes()
    kept = with_others(kept_for_modules(device), before)
    watch = _Watch(own, modules, device)
    watch.note_what_is_there()
    with watch:
        yield
    most, holders = at_peak(watch.changes, watch.there)
    found.append(StepMemory(before, before + most, holders, kept=kept))


@contextmanager
def _saving(modules: list[str], found: list[tuple[Saved, ...]]) -> Iterator[None]:
    """Add what autograd saves while it runs to `found`."""
    sums: Counter[str] = Counter()

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.layout is torch.strided:
            sums[modules[-1] if modules else ""] += tensor.numel() * tensor.element_size()
        # The tensor itself would lead back to the node that keeps it, and never be freed.
        return tensor.detach()

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        yield
    found.append(tuple(Saved(module, size) for module, size in sums.most_common()))


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the blocks that operators return, and when the last tensor on each is gone."""

    def __init__(self, own: OwnCode, modules: list[str], device: str = "cpu") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.changes: list[Change] = []
        self.there: dict[int, int] = {}
        self._own, self._modules, self._device = own, modules, device
        self._known: dict[int, weakref.ref[Any]] = {}
        self._count = 0

    def note_what_is_there(self) -> None:
        """Take note of all blocks that tensors hold, to see when the step releases them."""
        for thing in gc.get_objects():
            # Some lazy objects raise when asked for their class, so ask for the type only.
            if issubclass(type(thing), torch.Tensor) and block_of(thing, self._device):
                with torch._C.DisableTorchFunctionSubclass():
                    storage = thing.untyped_storage()
                if id(storage) not in self._known:
                    self.there[self._number(storage)] = storage.nbytes()

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
        if storage.device.type != self._device:
            return
        key = id(storage)
        known = self._known.get(key)
        if known is not None and known() is storage:
            return
        if not counts:
            self._known[key] = weakref.ref(storage)
            return
        block = self._number(storage)
        module = self._modules[-1] if self._modules else ""
        self.changes.append(Allocation(block, storage.nbytes(), self._line(), module))

    def _number(self, storage: torch.UntypedStorage) -> int:
        """Give a block a number, and note when the last tensor on it is gone."""
        self._count += 1
        block = self._count
        self._known[id(storage)] = weakref.ref(storage, lambda _: self.changes.append(block))
        return block

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
    inside: list[torch.nn.Module] = []
    names: dict[int, str] = {}

    def before(module: torch.nn.Module, args: Any) -> None:
        if not running:
            # The outermost one knows how its parts are called.
            for name, part in module.named_modules():
                names.setdefault(id(part), f"{type(module).__name__}.{name}".rstrip("."))
        running.append(names.get(id(module), type(module).__name__))
        inside.append(module)

    def after(module: torch.nn.Module, args: Any, output: Any) -> None:
        # A call that began before these hooks has no name: a step may end within a forward.
        if any(one is module for one in inside):
            running.pop()
            while inside.pop() is not module:
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
