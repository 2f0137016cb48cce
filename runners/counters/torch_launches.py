"""Counts the kernels that one step launches on a CUDA device."""

from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

# The calls of the CUDA runtime and driver that start a kernel, or a whole graph of them.
_LAUNCHES = ("cudaLaunchKernel", "cuLaunchKernel", "cudaGraphLaunch", "cudaLaunchCooperativeKernel")


def count_launches(step: Callable[[], object]) -> int | None:
    """Run one step; return its kernel launches, a CUDA graph being one. None without a device."""
    if not torch.cuda.is_available():
        return None
    recording: Any = profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])
    with recording:
        step()
        torch.cuda.synchronize()
    names = (event.name() for event in recording.profiler.kineto_results.events())
    return sum(1 for name in names if name.startswith(_LAUNCHES))
