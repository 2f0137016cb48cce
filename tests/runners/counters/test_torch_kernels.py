"""Which of the profiler's events are kernels."""

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


class Event:
    """One of the profiler's raw events, with the answers that are asked for."""

    def __init__(self, name: str, device: Any, link: int) -> None:
        self._name, self._device, self._link = name, device, link

    def name(self) -> str:
        return self._name

    def device_type(self) -> Any:
        return self._device

    def linked_correlation_id(self) -> int:
        return self._link


def test_kernels_are_counted_and_copies_marks_and_the_host_are_not() -> None:
    from torch._C._autograd import DeviceType
    from torch_perflint.runners.counters.torch_kernels import names_of

    events = [
        Event("gemm", DeviceType.CUDA, 7),
        Event("gemm", DeviceType.CUDA, 8),
        Event("relu", DeviceType.CUDA, 9),
        Event("Memcpy DtoH (Device -> Pageable)", DeviceType.CUDA, 10),
        Event("Memset (Device)", DeviceType.CUDA, 11),
        Event("a mark of the user's", DeviceType.CUDA, 0),
        Event("aten::mm", DeviceType.CPU, 7),
    ]
    assert names_of(events) == {"gemm": 2, "relu": 1}


def test_without_a_gpu_there_are_none() -> None:
    from torch_perflint.runners.counters.torch_kernels import kernel_names

    if not torch.cuda.is_available():
        assert kernel_names(lambda: torch.ones(2)) == {}
