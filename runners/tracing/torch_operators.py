"""Sees every operator that reaches a device: which results are on the GPU, and what waits."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from .conditions import verdict
from .sync_table import (
    ASYNC_WHY,
    D2H_WHY,
    H2D_WHY,
    NORMAL_STD,
    NORMAL_WHY,
    ON_CPU,
    OPERATORS,
    STAGED_WHY,
    SyncOperator,
)
from .torch_here import Here
from .torch_marks import any_on_gpu, is_on_gpu, is_pinned, put_on_gpu
from .trace import Kind


class _Plan(NamedTuple):
    """Whether and when an operator waits, whether it copies, and has results on the CPU."""

    rule: SyncOperator | None
    copies: bool
    on_cpu: bool


_PLANS: dict[int, _Plan] = {}


class Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's class is untyped
    """Puts an operator's results on the GPU where one of its arguments is, and notes waits."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # To hide from torch.compile means to load it; it is off in a traced run.
        return False

    def __init__(self, here: Here) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._here = here

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Note what one operator costs and run it."""
        kwargs = kwargs or {}
        here = self._here
        if Here.off:
            return func(*args, **kwargs)
        if any(hasattr(kind, "__tensor_flatten__") for kind in types):
            # A tensor made of others: what it does with those comes here in turn.
            return NotImplemented
        if torch.is_inference_mode_enabled() and hasattr(func, "decompose"):
            # Elsewhere autograd has taken composite operators apart before they come here.
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        # A read of a tensor's memory would go through the function mode as well.
        with torch._C.DisableTorchFunction():
            if not any_on_gpu(args) and not (kwargs and any_on_gpu(kwargs.values())):
                return func(*args, **kwargs)
            rule, copies, on_cpu = _PLANS.get(id(func)) or _plan(func)
            if rule is not None:
                self._judge(func, rule, args, kwargs)
            result = func(*args, **kwargs)
            if copies:
                self._after_copy(args, kwargs)
            elif not here.on_cpu:
                put_on_gpu(_on_gpu_part(func, result) if on_cpu else result)
            return result

    def _judge(
        self, func: Any, rule: SyncOperator, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        if self._here.muted:
            return
        cost = verdict(rule, args, kwargs, is_on_gpu)
        if cost is not None:
            self._here.record(cost[0], func._schema.name.removeprefix("aten::"), cost[1])

    def _after_copy(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        one = isinstance(args[0], torch.Tensor)
        targets, sources = (args[:1], args[1:2]) if one else args[:2]
        non_blocking = args[2] if len(args) > 2 else kwargs.get("non_blocking", False)
        for target, source in zip(targets, sources, strict=True):
            if not self._here.copying:
                # Memory that PyTorch itself has made for a tensor on the GPU, a bucket of
                # gradients for instance.
                if is_on_gpu(source):
                    put_on_gpu(target)
            elif is_on_gpu(target) and not is_on_gpu(source):
                pinned = is_pinned(source)
                note_copy(self._here, Kind.H2D, "copy_()", source, non_blocking, pinned=pinned)
            elif is_on_gpu(source) and not is_on_gpu(target):
                pinned = is_pinned(target)
                note_copy(self._here, Kind.D2H, "copy_()", source, non_blocking, pinned=pinned)


def note_copy(
    here: Here,
    kind: Kind,
    operation: str,
    tensor: torch.Tensor,
    non_blocking: bool,
    *,
    pinned: bool,
) -> None:
    """Note a copy of `tensor`; `pinned` tells of the memory on the host's side."""
    if not tensor.numel():
        return  # nothing is copied
    if not non_blocking:
        why = H2D_WHY if kind is Kind.H2D else D2H_WHY
    else:
        kind, why = (Kind.ASYNC, ASYNC_WHY) if pinned else (Kind.STAGED, STAGED_WHY)
    here.record(kind, operation, why)


def _on_gpu_part(func: Any, results: Sequence[Any]) -> list[Any]:
    on_cpu = ON_CPU[func._schema.name.removeprefix("aten::")]
    return [result for number, result in enumerate(results) if number not in on_cpu]


def _plan(func: Any) -> _Plan:
    """Return what is known of an operator; kept, as operators live on."""
    space, _, name = func._schema.name.partition("::")
    rule = OPERATORS.get(name) if space == "aten" else None
    if f"{name}.{func._overloadname}" in NORMAL_STD:
        rule = SyncOperator(NORMAL_WHY)
    plan = _Plan(rule, name in ("copy_", "_foreach_copy_"), name in ON_CPU)
    _PLANS[id(func)] = plan
    return plan
