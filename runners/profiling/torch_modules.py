"""Marks the calls of modules in what the profiler records, by the names that people know."""

import sys
import threading
import warnings
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch._C._profiler import _RecordFunctionFast
from torch.jit import ScriptModule
from torch.nn import Module
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

# As PyTorch calls modules in a trace; the name and the class follow.
MODULE = "nn.Module: "
# Wrappers that nobody wrote into a model; what they wrap has their name.
_WRAPPED = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")


class _Call(NamedTuple):
    """A module that is running, its name, and its mark."""

    module: Module
    name: str
    mark: _RecordFunctionFast


class ModuleMarker:
    """Marks each call of a module, from `start` to `stop`, in all threads.

    A mark costs about two microseconds, a fifth of what `record_function` does. What
    `torch.compile` has compiled is one call: the hooks return where it traces them, so that its
    graphs, their breaks and recompilations stay as they are without hooks.
    """

    def __init__(self) -> None:
        self._names = ModuleNames()
        self._running: dict[int, list[_Call]] = {}
        self._hooks: list[Any] = []

    def start(self) -> None:
        """Mark modules from now on."""
        _hide_from_compiler()
        self._hooks = [
            register_module_forward_pre_hook(self.before),
            register_module_forward_hook(self.after, always_call=True),
        ]

    def stop(self) -> None:
        """Mark none any more."""
        for hook in self._hooks:
            hook.remove()

    def before(self, module: Module, args: Any) -> None:
        """Begin a call."""
        if not torch.compiler.is_compiling():
            self._enter(module)

    def after(self, module: Module, args: Any, output: Any) -> None:
        """End a call; PyTorch says so of one that fails, too."""
        if not torch.compiler.is_compiling():
            self._leave(module)

    def _enter(self, module: Module) -> None:
        running = self._running.setdefault(threading.get_ident(), [])
        name, kind = self._names.of(module, running[-1] if running else None)
        mark = _RecordFunctionFast(f"{MODULE}{name} ({kind})")
        mark.__enter__()
        running.append(_Call(module, name, mark))

    def _leave(self, module: Module) -> None:
        running = self._running.get(threading.get_ident(), [])
        # A call that began before the marker has no mark.
        if not any(call.module is module for call in running):
            return
        while (call := running.pop()).module is not module:
            call.mark.__exit__(None, None, None)
        call.mark.__exit__(None, None, None)


class ModuleNames:
    """Names modules as their model knows them: "GPT.blocks.0.mlp", with the class."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Module], str, str]] = {}
        self._roots: dict[str, list[weakref.ref[Module]]] = {}
        # The ids of an owner's parts: to walk it for each loss that a step makes would take long.
        self._parts: dict[int, tuple[weakref.ref[Module], frozenset[int]]] = {}

    def of(self, module: Module, caller: _Call | None) -> tuple[str, str]:
        """Return the name and the class of a module that another one calls, or none."""
        if (known := self._lookup(module)) is not None:
            return known
        if caller is not None:
            # No part of what was seen before: it was made there.
            self._take(module, f"{caller.name}.{_kind(module)}()")
        else:
            self._take_root(self._owner(module))
        return self._lookup(module) or (_kind(module), _kind(module))

    def _lookup(self, module: Module) -> tuple[str, str] | None:
        known = self._known.get(id(module))
        # An id is given away again once its module is gone.
        return known[1:] if known is not None and known[0]() is module else None

    def _owner(self, module: Module) -> Module:
        """The outermost module with a method that runs now, and that the module is a part of.

        Lightning calls `training_step`, not the module: its parts would be nobody's.
        """
        owner, frame = module, sys._getframe(1)
        while frame is not None:
            me = frame.f_locals.get("self")
            if isinstance(me, Module) and id(module) in self._parts_of(me):
                owner = me
            frame = frame.f_back  # type: ignore[assignment]
        return owner

    def _parts_of(self, owner: Module) -> frozenset[int]:
        known = self._parts.get(id(owner))
        if known is None or known[0]() is not owner:
            known = weakref.ref(owner), frozenset(map(id, owner.modules()))
            self._parts[id(owner)] = known
        return known[1]

    def _take_root(self, root: Module) -> None:
        around: list[Module] = []
        # What distributes a model is called as such, and the model by its own name.
        while (inner := _only_child(root, ("module",))) is not None:
            around.append(root)
            root = inner
        self._take(root, self._root_name(root))
        for one in around:
            self._take(one, self._root_name(one))

    def _root_name(self, root: Module) -> str:
        kind = _kind(root)
        alive = [one for one in self._roots.get(kind, []) if one() is not None]
        self._roots[kind] = [*alive, weakref.ref(root)]
        return f"{kind}#{len(alive) + 1}" if alive else kind

    def _take(self, owner: Module, name: str) -> None:
        for path, part in owner.named_modules():
            if self._lookup(part) is None:
                kept = [piece for piece in path.split(".") if piece and piece not in _WRAPPED]
                self._known[id(part)] = weakref.ref(part), ".".join([name, *kept]), _kind(part)


def _kind(module: Module) -> str:
    while (inner := _only_child(module, _WRAPPED)) is not None:
        module = inner
    # TorchScript's modules remember which class they were made from.
    return module.original_name if isinstance(module, ScriptModule) else type(module).__name__


def _only_child(module: Module, names: Sequence[str]) -> Module | None:
    """The one module that another one has, where it has one of these names."""
    children = dict(module.named_children())
    if len(children) == 1:
        [(name, child)] = children.items()
        if name in names:
            return child
    return None


def _hide_from_compiler() -> None:
    """Keep `torch.compile` from compiling the hooks by themselves, and from warning of them."""
    if "torch._dynamo" not in sys.modules:
        return
    from torch._C._dynamo.eval_frame import (
        _FrameAction,
        _FrameExecStrategy,
        set_code_exec_strategy,
    )

    # With all that they call.
    never = _FrameExecStrategy(_FrameAction.SKIP, _FrameAction.SKIP)
    for function in (ModuleMarker.before, ModuleMarker.after):
        set_code_exec_strategy(function.__code__, never)
    warnings.filterwarnings("ignore", message=".*when there are global hooks on modules")
