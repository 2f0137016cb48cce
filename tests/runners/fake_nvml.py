"""A stand-in for `pynvml` with the functions, constants and errors that perflint uses.

Names and numbers are those of nvidia-ml-py 13.615.71; what a card answers is the test's own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any


class NVMLError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__(f"error {value}")
        self.value = value


@dataclass
class Process:
    pid: int


@dataclass
class FakeCard:
    """One card, or a slice where it lies in another's `slices`. None: not supported."""

    name: str = "NVIDIA Test 100"
    uuid: str = "GPU-0001"
    mhz: int | None = 1500
    bits: int | None = 0
    celsius: int | None = 60
    milliwatts: int | None = 250_000
    pids: list[int] | None = field(default_factory=list)
    mps: list[int] | None = field(default_factory=list)
    persistent: int | None = 1
    max_mhz: int | None = 1980
    slices: list["FakeCard"] | None = None
    breaks: bool = False


def stand_in(*cards: FakeCard, old_driver: bool = False, init_error: int | None = None) -> Any:
    """Return a module for `sys.modules["pynvml"]` that knows these cards."""
    module: Any = ModuleType("pynvml")
    module.NVMLError = NVMLError
    module.NVML_ERROR_INVALID_ARGUMENT = 2
    module.NVML_ERROR_NOT_SUPPORTED = 3
    module.NVML_ERROR_NO_PERMISSION = 4
    module.NVML_ERROR_NOT_FOUND = 6
    module.NVML_ERROR_FUNCTION_NOT_FOUND = 13
    module.NVML_ERROR_NO_DATA = 21
    module.NVML_CLOCK_SM = 1
    module.NVML_TEMPERATURE_GPU = 0
    module.NVML_DEVICE_MIG_ENABLE = 1
    module.open = 0

    def init() -> None:
        if init_error is not None:
            raise NVMLError(init_error)
        module.open += 1

    def shutdown() -> None:
        module.open -= 1

    def answer(name: str) -> Callable[..., Any]:
        def ask(card: FakeCard, *_: Any) -> Any:
            if card.breaks:
                raise NVMLError(15)  # the GPU is lost
            value = getattr(card, name)
            if value is None:
                raise NVMLError(3)
            return [Process(pid) for pid in value] if name in ("pids", "mps") else value

        return ask

    def reasons(card: FakeCard) -> Any:
        if old_driver:
            raise NVMLError(13)
        return answer("bits")(card)

    def mig_mode(card: FakeCard) -> tuple[int, int]:
        if card.slices is None:
            raise NVMLError(3)
        return (1, 1) if card.slices else (0, 0)

    def mig_slice(card: FakeCard, number: int) -> FakeCard:
        slices = card.slices or []
        if number >= len(slices):
            raise NVMLError(6)
        return slices[number]

    module.nvmlInit = init
    module.nvmlShutdown = shutdown
    module.nvmlSystemGetDriverVersion = lambda: "570.1"
    module.nvmlDeviceGetCount = lambda: len(cards)
    module.nvmlDeviceGetHandleByIndex = lambda index: cards[index]
    module.nvmlDeviceGetName = answer("name")
    module.nvmlDeviceGetUUID = answer("uuid")
    module.nvmlDeviceGetPersistenceMode = answer("persistent")
    module.nvmlDeviceGetMaxClockInfo = answer("max_mhz")
    module.nvmlDeviceGetClockInfo = answer("mhz")
    module.nvmlDeviceGetTemperature = answer("celsius")
    module.nvmlDeviceGetPowerUsage = answer("milliwatts")
    module.nvmlDeviceGetCurrentClocksEventReasons = reasons
    module.nvmlDeviceGetCurrentClocksThrottleReasons = answer("bits")
    module.nvmlDeviceGetComputeRunningProcesses = answer("pids")
    module.nvmlDeviceGetMPSComputeRunningProcesses = answer("mps")
    module.nvmlDeviceGetMigMode = mig_mode
    module.nvmlDeviceGetMaxMigDeviceCount = lambda card: 7
    module.nvmlDeviceGetMigDeviceHandleByIndex = mig_slice
    return module
