"""Lists the kernels that one step runs on the GPU, by name."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

# Copies and fills are on the device's timeline, too, and nobody chooses them by timing.
_NO_KERNELS = ("Memcpy", "Memset")


def kernel_names(step: Callable[[], object]) -> dict[str, int]:
    """Run one step under the profiler; return how often each kernel ran. Nothing without a GPU."""
    if not torch.cuda.is_available():
        return {}
    recording: Any = profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])
    with recording:
        step()
        torch.cuda.synchronize()
    return names_of(recording.profiler.kineto_results.events())


def names_of(events: Iterable[Any]) -> dict[str, int]:
    """Count the kernels among the profiler's raw events: those that something on the host began."""
    return Counter(
        event.name()
        for event in events
        if event.device_type() != DeviceType.CPU
        and event.linked_correlation_id() > 0
        and not event.name().startswith(_NO_KERNELS)
    )
