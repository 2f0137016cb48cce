"""Which tensors count as on the GPU, and which as pinned: a mark on the memory that they share."""

from collections.abc import Callable, Iterable
from typing import Any

import torch

_GPU = "_perflint_gpu"
_PINNED = "_perflint_pinned"


def is_on_gpu(tensor: torch.Tensor) -> bool:
    """Whether the tensor would be on the GPU. Views share the mark of what they look at."""
    return _has(tensor, _GPU)


def is_pinned(tensor: torch.Tensor) -> bool:
    """Whether the tensor's memory would be pinned."""
    return _has(tensor, _PINNED)


def any_on_gpu(values: Iterable[Any]) -> bool:
    """Whether one of an operator's arguments would be on the GPU, also within lists."""
    for value in values:
        if isinstance(value, torch.Tensor):
            if _has(value, _GPU):
                return True
        elif isinstance(value, list | tuple) and value and any_on_gpu(value):
            return True
    return False


def put_on_gpu(value: Any) -> Any:
    """Mark the tensors in `value` as on the GPU, and return it."""
    return _each(value, _mark_gpu)


def pin(value: Any) -> Any:
    """Mark the tensors in `value` as pinned, and return it."""
    return _each(value, _mark_pinned)


def _each(value: Any, mark: Callable[[torch.Tensor], None]) -> Any:
    if isinstance(value, torch.Tensor):
        mark(value)
    elif isinstance(value, list | tuple):
        for part in value:
            _each(part, mark)
    elif isinstance(value, dict):
        for part in value.values():
            _each(part, mark)
    return value


def _mark_gpu(tensor: torch.Tensor) -> None:
    home = _home(tensor)
    if not getattr(home, _GPU, False):
        setattr(home, _GPU, True)


def _mark_pinned(tensor: torch.Tensor) -> None:
    setattr(_home(tensor), _PINNED, True)


def _has(tensor: torch.Tensor, mark: str) -> bool:
    try:
        return getattr(tensor.untyped_storage(), mark, False)
    except (NotImplementedError, RuntimeError):
        return getattr(_home(tensor), mark, False)


def _home(tensor: torch.Tensor) -> Any:
    """Return what carries a tensor's marks: its memory, or itself where it has none."""
    try:
        return tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):
        pass
    functorch = torch._C._functorch
    if functorch.is_functorch_wrapped_tensor(tensor):
        return _home(functorch.get_unwrapped(tensor))
    return tensor  # sparse ones
