"""A stand-in for `torch.cuda` and `torch.accelerator` where there is no GPU."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch

from .sync_table import CALLS
from .torch_functions import GPU
from .torch_here import Here
from .trace import Kind

_MEMORY = 80 << 30
_NAME = "perflint's stand-in for a GPU"


NVTX: dict[str, Any] = {
    name: lambda *args, **options: 0
    for name in ("range_push", "range_pop", "range_start", "range_end", "mark")
}


class Properties:
    """What a card says of itself."""

    name = _NAME
    major, minor = 9, 0
    total_memory = _MEMORY
    multi_processor_count = 132
    is_integrated = False
    is_multi_gpu_board = False
    max_threads_per_multi_processor = 2048
    warp_size = 32
    gcnArchName = ""  # noqa: N815  # PyTorch's name
    uuid = "00000000-0000-0000-0000-000000000000"


def stand_ins(here: Callable[[], Here]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what takes the place of names in `torch.cuda`, and of those in `torch.accelerator`.

    `here` returns the state of the thread that asks.
    """

    def waits(name: str, operation: str) -> Callable[..., None]:
        def call(*args: object, **options: object) -> None:
            here().record(Kind.WAIT, operation, CALLS[name])

        return call

    event, stream = _event_and_stream(here)

    def within(given: Any) -> Any:
        return contextlib.nullcontext() if given is None else given

    both = {
        "is_available": _always(True),
        "device_count": _always(1),
        "memory_allocated": _always(0),
        "max_memory_allocated": _always(0),
        "memory_reserved": _always(0),
        "max_memory_reserved": _always(0),
        "memory_stats": lambda *args, **options: defaultdict(int),
        "reset_peak_memory_stats": _always(None),
        "reset_accumulated_memory_stats": _always(None),
        "current_stream": lambda *args: stream(),
        "set_stream": _always(None),
    }
    cuda = both | {
        "synchronize": waits("synchronize", "cuda.synchronize"),
        "empty_cache": waits("empty_cache", "cuda.empty_cache"),
        "Event": event,
        "Stream": stream,
        "ExternalStream": stream,
        "stream": within,
        "StreamContext": within,
        "default_stream": lambda *args: stream(),
        "current_device": _always(0),
        "set_device": _always(None),
        "device": _Device,
        "device_of": _Device,
        "init": _always(None),
        "_lazy_init": _always(None),
        "is_initialized": _always(True),
        "is_bf16_supported": _always(True),
        "is_tf32_supported": _always(True),
        "is_current_stream_capturing": _always(False),
        "get_device_properties": lambda *args: Properties(),
        "get_device_capability": _always((9, 0)),
        "get_device_name": _always(_NAME),
        "get_arch_list": lambda: ["sm_90"],
        "can_device_access_peer": _always(False),
        "mem_get_info": _always((_MEMORY, _MEMORY)),
        "memory_cached": _always(0),
        "max_memory_cached": _always(0),
        "reset_max_memory_allocated": _always(None),
        "reset_max_memory_cached": _always(None),
        "memory_summary": _always(""),
        "memory_snapshot": _fresh(list),
        "memory_stats_as_nested_dict": _fresh(dict),
        "set_per_process_memory_fraction": _always(None),
        "ipc_collect": _always(None),
        "utilization": _always(0),
        "manual_seed": _always(None),
        "manual_seed_all": _always(None),
        "seed": _always(None),
        "seed_all": _always(None),
        "initial_seed": torch.initial_seed,
        # Numbers for tensors on the GPU come from the CPU's generator: it is put back by itself.
        "get_rng_state": lambda *args: torch.get_rng_state(),
        "get_rng_state_all": lambda: [torch.get_rng_state()],
        "set_rng_state": _always(None),
        "set_rng_state_all": _always(None),
        "get_sync_debug_mode": _always(0),
        "set_sync_debug_mode": _always(None),
        "current_blas_handle": _always(0),
    }
    accelerator = both | {
        "synchronize": waits("synchronize", "accelerator.synchronize"),
        "empty_cache": waits("empty_cache", "accelerator.empty_cache"),
        "current_accelerator": lambda *args, **options: torch.device("cuda"),
        "current_device_index": _always(0),
        "current_device_idx": _always(0),
        "set_device_index": _always(None),
        "set_device_idx": _always(None),
        "device_index": _Device,
        "get_device_capability": _fresh(dict),
        "get_memory_info": _always((_MEMORY, _MEMORY)),
    }
    return cuda, accelerator


class _Device:
    """The current device, for the time of a block."""

    def __init__(self, device: object) -> None:
        self.idx = 0

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        return None


def _event_and_stream(here: Callable[[], Here]) -> tuple[type, type]:
    class Event:
        """A moment in a stream: here, the host's clock when it is recorded."""

        def __init__(self, *args: object, **options: object) -> None:
            self._at = 0.0
            self.device = GPU

        def record(self, stream: object = None) -> None:
            self._at = time.perf_counter()

        def synchronize(self) -> None:
            here().record(Kind.WAIT, "Event.synchronize", CALLS["Event.synchronize"])

        def query(self) -> bool:
            return True

        def wait(self, stream: object = None) -> None:
            return None

        def elapsed_time(self, end: "Event") -> float:
            return (end._at - self._at) * 1e3

    class Stream:
        """A queue of work for the GPU: here, nothing is ever waiting in it."""

        def __init__(self, *args: object, **options: object) -> None:
            self.device = GPU
            self.device_index = self.stream_id = self.cuda_stream = 0
            self.device_type = 1

        def synchronize(self) -> None:
            here().record(Kind.WAIT, "Stream.synchronize", CALLS["Stream.synchronize"])

        def wait_stream(self, stream: object) -> None:
            return None

        def wait_event(self, event: object) -> None:
            return None

        def record_event(self, event: Event | None = None) -> Event:
            event = event or Event()
            event.record()
            return event

        def query(self) -> bool:
            return True

        def is_capturing(self) -> bool:
            return False

        def __enter__(self) -> "Stream":
            return self

        def __exit__(self, *error: object) -> None:
            return None

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Stream)

        def __hash__(self) -> int:
            return 0

    return Event, Stream


def _always(value: Any) -> Callable[..., Any]:
    return lambda *args, **options: value


def _fresh(kind: Callable[[], Any]) -> Callable[..., Any]:
    return lambda *args, **options: kind()
