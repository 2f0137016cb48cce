"""Counts what autograd builds and keeps in one step: nodes of its graph, bytes that it saves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.autograd.graph import saved_tensors_hooks


@contextmanager
def watch_backward() -> Iterator[list[int] | None]:
    """Yield a list that gets, for each backward pass, the nodes that it can reach.

    Yields None where this PyTorch has no such place to watch.
    """
    # All of `backward`, `torch.autograd.backward` and `torch.autograd.grad` go through it.
    homes: list[Any] = [torch.autograd, torch.autograd.graph]
    run = getattr(torch.autograd, "_engine_run_backward", None)
    if run is None:
        yield None
        return
    reached: list[int] = []

    def counted(outputs: Any, *args: Any, **kwargs: Any) -> Any:
        reached.append(_reachable(outputs))
        return run(outputs, *args, **kwargs)

    originals = [home._engine_run_backward for home in homes]
    for home in homes:
        home._engine_run_backward = counted
    try:
        yield reached
    finally:
        for home, original in zip(homes, originals, strict=True):
            home._engine_run_backward = original


def _reachable(outputs: Any) -> int:
    """Count the nodes of the graph behind `outputs`; a leaf has one, which adds its gradient up."""
    nodes = [_root(output) for output in outputs]
    leaves = sum(node is None for node in nodes)
    waiting = [node for node in nodes if node is not None]
    seen = set(waiting)
    while waiting:
        for node, _ in waiting.pop().next_functions:
            if node is not None and node not in seen:
                seen.add(node)
                waiting.append(node)
    return len(seen) + leaves


def _root(output: Any) -> Any:
    # An output is a tensor, or an edge of the graph.
    return output.grad_fn if isinstance(output, torch.Tensor) else output.node


def count_saved(step: Callable[[], object]) -> int | None:
    """Run one step; return the bytes of all tensors that autograd saves for backward.

    Each at its own size as often as it is saved. What the step packs with hooks of its own, as
    checkpointing does, is not kept and not counted. None where a saved tensor is sparse, whose
    size is not that of its shape.
    """
    saved, known = 0, True

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal saved, known
        if tensor.layout is torch.strided:
            saved += tensor.numel() * tensor.element_size()
        else:
            known = False
        # The tensor itself would lead back to the node that keeps it, and never be freed.
        return tensor.detach()

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        step()
    return saved if known else None
