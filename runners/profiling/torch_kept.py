"""Says what modules and optimizers hold between steps: parameters, gradients, optimizer state."""

import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from ..counters.torch_memory import block_of, gradient_of
from .memory import GRADIENTS, OPTIMIZER, PARAMETERS, Kept


def kept_for_modules(device: str = "cpu") -> tuple[Kept, ...]:
    """Add up what all living modules and optimizers hold on the device, each block once, in bytes.

    Gradients and what an optimizer keeps for a parameter count to the module that owns it.
    """
    # Some lazy objects raise when asked for their class, so ask for the type only.
    things = gc.get_objects()
    owners: dict[int, str] = {}
    tensors: list[tuple[str, str, torch.Tensor]] = []
    for name, module in _named([one for one in things if issubclass(type(one), torch.nn.Module)]):
        for tensor in (*_values(module, "_parameters"), *_values(module, "_buffers")):
            owners.setdefault(id(tensor), name)
            tensors.append((name, PARAMETERS, tensor))
    grads = [
        (name, GRADIENTS, gradient)
        for name, _, tensor in tensors
        if (gradient := gradient_of(tensor)) is not None
    ]
    optimizers = [one for one in things if issubclass(type(one), torch.optim.Optimizer)]
    states = [
        (owners.get(id(parameter), ""), OPTIMIZER, value)
        for optimizer in optimizers
        for parameter, state in vars(optimizer).get("state", {}).items()
        for value in _tensors(state)
    ]
    return _summed([*tensors, *grads, *states], device)


def _summed(tensors: Iterable[tuple[str, str, torch.Tensor]], device: str) -> tuple[Kept, ...]:
    sums: Counter[tuple[str, str]] = Counter()
    seen: set[int] = set()
    for module, kind, tensor in tensors:
        block = block_of(tensor, device)
        if block is not None and block[1] and block[0] not in seen:
            seen.add(block[0])
            sums[module, kind] += block[1]
    return tuple(Kept(module, kind, size) for (module, kind), size in sums.most_common())


def _named(modules: list[torch.nn.Module]) -> Iterator[tuple[str, torch.nn.Module]]:
    """Yield each module that others hold by its path from the outermost one, as `Net.head`."""
    inside = {id(part) for module in modules for part in _parts(module).values()}
    waiting = [(type(one).__name__, one) for one in reversed(modules) if id(one) not in inside]
    seen: set[int] = set()
    while waiting:
        name, module = waiting.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        yield name, module
        waiting += [(f"{name}.{key}", part) for key, part in reversed(_parts(module).items())]


def _parts(module: torch.nn.Module) -> dict[str, torch.nn.Module]:
    # A module whose `__init__` has not run to its end, and a scripted one, have another or none.
    parts = vars(module).get("_modules")
    held = parts.items() if isinstance(parts, dict) else ()
    return {name: part for name, part in held if isinstance(part, torch.nn.Module)}


def _values(module: torch.nn.Module, kind: str) -> Iterator[torch.Tensor]:
    held = vars(module).get(kind)
    return _tensors(held) if isinstance(held, dict) else iter(())


def _tensors(values: Any) -> Iterator[torch.Tensor]:
    if isinstance(values, dict):
        yield from (value for value in values.values() if isinstance(value, torch.Tensor))
