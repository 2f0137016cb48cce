"""Marks the closures that optimizers are given: what they compute is no optimizer's time."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.profiler import record_function

from .parts import CLOSURE


class ClosureMarker:
    """Marks each call of a closure that `Optimizer.step` is given, from `start` to `stop`.

    Its hook stays in the process and does nothing outside of that: `torch.compile` would compile an
    optimizer's step anew each time that a hook comes or goes.
    """

    def start(self) -> None:
        """Mark closures from now on."""
        _hook()
        _active.append(self)

    def stop(self) -> None:
        """Mark none any more."""
        if self in _active:
            _active.remove(self)


_active: list[ClosureMarker] = []


@functools.cache
def _hook() -> None:
    register_optimizer_step_pre_hook(_before_step)


def _before_step(
    optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Give the optimizer's step a closure that is marked, in place of its own."""
    if torch.compiler.is_compiling() or not _active:
        return None
    closure = kwargs.get("closure")
    if callable(closure):
        return args, {**kwargs, "closure": _marked(closure)}
    # The first of `args` is the optimizer.
    if len(args) > 1 and callable(args[1]):
        return (args[0], _marked(args[1]), *args[2:]), kwargs
    return None


def _marked(closure: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(closure)
    def call(*args: Any, **kwargs: Any) -> Any:
        with record_function(CLOSURE):
            return closure(*args, **kwargs)

    return call
