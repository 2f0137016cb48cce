"""Peak memory of a perf test: what tensors held at their most, in bytes."""

import gc
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile


def start_peak() -> None:
    """Forget earlier peaks; called before the test builds anything."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_bytes(step: Callable[[], object]) -> int:
    """Run one step and return the peak that tensors held, in bytes.

    On a GPU this is the allocator's own peak since `start_peak`, set-up included. On a CPU, which
    keeps no such account, it is what all tensors hold before the step plus the most that the step
    adds, from the profiler's allocation events.
    """
    if torch.cuda.is_available():
        step()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated()
    # The allocator reports the release of a block only where it saw it taken, so the first recorded
    # step makes it see the gradients and other blocks that the second one releases.
    _recorded(step)
    gc.collect()
    held = _held_bytes()
    return held + _largest_sum(_recorded(step))


def _recorded(step: Callable[[], object]) -> list[int]:
    """Run the step; list the bytes of each allocation (negative: release), in the order of time."""
    recording: Any = profile(activities=[ProfilerActivity.CPU], profile_memory=True)
    with recording:
        step()
    events = recording.profiler.kineto_results.events()
    memory = [(e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]"]
    return [size for _, size in sorted(memory, key=lambda item: item[0])]


def _held_bytes() -> int:
    """Add up the storages of all living tensors, each storage once."""
    storages = {}
    for thing in gc.get_objects():
        # Some lazy objects raise when asked for their class, so ask for the type only.
        if issubclass(type(thing), torch.Tensor) and (block := _block(thing)):
            storages[block[0]] = block[1]
    return sum(storages.values())


def _block(tensor: torch.Tensor) -> tuple[int, int] | None:
    """Return address and size of a tensor's memory, or None where it has none on the CPU."""
    with torch._C.DisableTorchFunctionSubclass():
        # Sparse tensors and subclasses that wrap others hold theirs in parts, fake tensors nowhere.
        if tensor.layout is not torch.strided or tensor.device.type != "cpu":
            return None
        storage = tensor.untyped_storage()
        if storage.device.type != "cpu":
            return None
        return storage.data_ptr(), storage.nbytes()


def _largest_sum(sizes: list[int]) -> int:
    total = most = 0
    for size in sizes:
        total += size
        most = max(most, total)
    return most
