"""Memory of a step, in bytes: what tensors take in all, and what they hold at their most."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.autograd import profiler

from ..limit import TimeLimit

_MARK = "perflint: one step"


def start() -> None:
    """Give back what earlier tests left in the device's cache; called before a test builds."""
    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def reserved_bytes() -> int | None:
    """The most that the device's caching allocator reserved since `start`; None without one."""
    return torch.cuda.max_memory_reserved() if torch.cuda.is_available() else None


def count_memory(
    step: Callable[[], object], times: int = 2, limit: TimeLimit | None = None
) -> list[dict[str, int]]:
    """Run a few steps; return for each of `times` what was allocated, and its peak, in bytes.

    There are fewer where `limit` is over before.

    The peak is what all tensors hold before the step plus the most that the step adds. On a GPU
    both are the allocator's own account. A CPU keeps none: there they come from the profiler's
    allocation events and from the tensors that are alive.
    """
    if torch.cuda.is_available():
        return [_on_device(step) for _ in _until(limit, times)]
    return _on_host(step, times, limit)


def _until(limit: TimeLimit | None, times: int) -> Iterator[int]:
    for number in range(times):
        if limit is not None and limit.is_over():
            return
        yield number


def _on_device(step: Callable[[], object]) -> dict[str, int]:
    gc.collect()
    torch.cuda.synchronize()
    before = torch.cuda.memory_stats()["allocated_bytes.all.allocated"]
    torch.cuda.reset_peak_memory_stats()
    step()
    torch.cuda.synchronize()
    after = torch.cuda.memory_stats()["allocated_bytes.all.allocated"]
    return {"allocated_bytes": after - before, "peak_bytes": torch.cuda.max_memory_allocated()}


def _on_host(
    step: Callable[[], object], times: int, limit: TimeLimit | None
) -> list[dict[str, int]]:
    held = []
    # What `torch.profiler.profile` is built on; that one loads all of torch.compile, two seconds.
    recording: Any = profiler.profile(use_cpu=True, use_kineto=True, profile_memory=True)
    with recording:
        # The allocator reports the release of a block only where it saw it taken, so a step that
        # does not count makes it see the gradients and other blocks that the next one releases.
        step()
        for _ in _until(limit, times):
            gc.collect()
            held.append(held_bytes())
            with profiler.record_function(_MARK):
                step()
    events = recording.kineto_results.events()
    return [
        {
            "allocated_bytes": sum(size for size in sizes if size > 0),
            "peak_bytes": before + _largest_sum(sizes),
        }
        for before, sizes in zip(held, _marked(events), strict=True)
    ]


def _marked(events: list[Any]) -> list[list[int]]:
    """For each marked step, the bytes of its allocations (negative: release) in order of time."""
    marks = sorted((e.start_ns(), e.end_ns()) for e in events if e.name() == _MARK)
    memory = sorted(
        ((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]"),
        key=lambda item: item[0],
    )
    return [[size for at, size in memory if start <= at <= end] for start, end in marks]


def held_bytes() -> int:
    """Add up the storages of all living tensors, each storage once."""
    storages = {}
    for thing in gc.get_objects():
        # Some lazy objects raise when asked for their class, so ask for the type only.
        if not issubclass(type(thing), torch.Tensor):
            continue
        # What backward has made, and no Python has looked at since, is no object of Python yet.
        for tensor in (thing, gradient_of(thing)):
            if tensor is not None and (block := block_of(tensor)):
                storages[block[0]] = block[1]
    return sum(storages.values())


def gradient_of(tensor: torch.Tensor) -> torch.Tensor | None:
    """Return the gradient that a leaf of the graph has; None where there is none."""
    with torch._C.DisableTorchFunctionSubclass():
        return tensor.grad if tensor.is_leaf else None


def block_of(tensor: torch.Tensor, device: str = "cpu") -> tuple[int, int] | None:
    """Return address and bytes of a tensor's memory, or None where it has none on the device."""
    with torch._C.DisableTorchFunctionSubclass():
        # Sparse tensors and subclasses that wrap others hold theirs in parts, fake tensors nowhere.
        if hasattr(type(tensor), "__tensor_flatten__"):
            return None
        if tensor.layout is not torch.strided or tensor.device.type != device:
            return None
        storage = tensor.untyped_storage()
        if storage.device.type != device:
            return None
        return storage.data_ptr(), storage.nbytes()


def _largest_sum(sizes: list[int]) -> int:
    total = most = 0
    for size in sizes:
        total += size
        most = max(most, total)
    return most
