"""Memory of a step, in bytes: what tensors take in all, and what they hold at their most."""

import gc
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile


def start() -> None:
    """Give back what earlier tests left in the device's cache; called before a test builds."""
    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def reserved_bytes() -> int | None:
    """The most that the device's caching allocator reserved since `start`; None without one."""
    return torch.cuda.max_memory_reserved() if torch.cuda.is_available() else None


def count_memory(step: Callable[[], object], times: int = 2) -> list[dict[str, int]]:
    """Run a few steps; return for each of `times` what was allocated, and its peak, in bytes.

    The peak is what all tensors hold before the step plus the most that the step adds. On a GPU
    both are the allocator's own account. A CPU keeps none: there they come from the profiler's
    allocation events and from the tensors that are alive.
    """
    if torch.cuda.is_available():
        return [_on_device(step) for _ in range(times)]
    # The allocator reports the release of a block only where it saw it taken, so the first recorded
    # step makes it see the gradients and other blocks that the second one releases.
    _recorded(step)
    return [_on_host(step) for _ in range(times)]


def _on_device(step: Callable[[], object]) -> dict[str, int]:
    gc.collect()
    torch.cuda.synchronize()
    before = torch.cuda.memory_stats()["allocated_bytes.all.allocated"]
    torch.cuda.reset_peak_memory_stats()
    step()
    torch.cuda.synchronize()
    after = torch.cuda.memory_stats()["allocated_bytes.all.allocated"]
    return {"allocated_bytes": after - before, "peak_bytes": torch.cuda.max_memory_allocated()}


def _on_host(step: Callable[[], object]) -> dict[str, int]:
    gc.collect()
    held = _held_bytes()
    sizes = _recorded(step)
    return {
        "allocated_bytes": sum(size for size in sizes if size > 0),
        "peak_bytes": held + _largest_sum(sizes),
    }


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
