"""Asks the NVIDIA driver about its cards through NVML; the one file that imports `pynvml`."""

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any, Self

from .clocks import reasons_of
from .gpu import Card, GpuSample, MigSlice
from .sharing import is_card, tenants


class NvmlFailed(Exception):
    """NVML is not there or does not answer any more; the message says why, for people."""


class Nvml:
    """An open connection to NVML. Use it in a `with` block. Raises NvmlFailed.

    What a card or its driver does not support, or does not tell this user, is None.
    """

    def __init__(self) -> None:
        try:
            import pynvml
        except ModuleNotFoundError as error:
            raise NvmlFailed(
                "nvidia-ml-py is not installed: pip install 'torch-perflint[gpu]'"
            ) from error
        self._library: Any = pynvml
        self._call(pynvml.nvmlInit)
        # Such answers say that this card, driver or user has no such thing; others are failures.
        self._no_answers = (
            pynvml.NVML_ERROR_NOT_SUPPORTED,
            pynvml.NVML_ERROR_NO_PERMISSION,
            pynvml.NVML_ERROR_NOT_FOUND,
            pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
            pynvml.NVML_ERROR_INVALID_ARGUMENT,
            pynvml.NVML_ERROR_NO_DATA,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._call(self._library.nvmlShutdown)

    def cards(self) -> list[Card]:
        """Describe every card, and in place of a card that MIG has cut up every slice of it."""
        return [self._card(whole, part) for whole, part in self._handles()]

    def find(self, uuid: str) -> "Watched | None":
        """Return the card or slice of this UUID, as PyTorch or CUDA name it, to be watched."""
        for whole, part in self._handles():
            card = self._card(whole, part)
            if is_card(card, uuid):
                return Watched(card, partial(self._sample, whole, part))
        return None

    def _handles(self) -> Iterator[tuple[Any, Any]]:
        """Yield each card's handle with that of a slice, or with None where it is whole."""
        library = self._library
        for index in range(self._call(library.nvmlDeviceGetCount)):
            whole = self._call(library.nvmlDeviceGetHandleByIndex, index)
            mode = self._ask(library.nvmlDeviceGetMigMode, whole)
            if mode is None or mode[0] != library.NVML_DEVICE_MIG_ENABLE:
                yield whole, None
                continue
            for number in range(self._ask(library.nvmlDeviceGetMaxMigDeviceCount, whole) or 0):
                part = self._ask(library.nvmlDeviceGetMigDeviceHandleByIndex, whole, number)
                if part is not None:
                    yield whole, part

    def _card(self, whole: Any, part: Any) -> Card:
        library = self._library
        persistent = self._ask(library.nvmlDeviceGetPersistenceMode, whole)
        clients = self._ask(library.nvmlDeviceGetMPSComputeRunningProcesses, part or whole)
        return Card(
            name=self._call(library.nvmlDeviceGetName, whole),
            uuid=self._call(library.nvmlDeviceGetUUID, whole),
            driver=self._call(library.nvmlSystemGetDriverVersion),
            mig=None if part is None else self._slice(part),
            persistent=None if persistent is None else bool(persistent),
            max_mhz=self._ask(library.nvmlDeviceGetMaxClockInfo, whole, library.NVML_CLOCK_SM),
            mps_clients=None if clients is None else len(clients),
            now=self._sample(whole, part, (), 0),
        )

    def _slice(self, part: Any) -> MigSlice:
        # "NVIDIA A100-SXM4-40GB MIG 1g.5gb": the profile is the last word of a slice's name.
        name = self._call(self._library.nvmlDeviceGetName, part)
        return MigSlice(self._call(self._library.nvmlDeviceGetUUID, part), name.split()[-1])

    def _sample(self, whole: Any, part: Any, own: Collection[int], expected: int) -> GpuSample:
        library = self._library
        bits = self._ask(library.nvmlDeviceGetCurrentClocksEventReasons, whole)
        if bits is None:  # drivers before 535 have it under its old name only
            bits = self._ask(library.nvmlDeviceGetCurrentClocksThrottleReasons, whole)
        milliwatts = self._ask(library.nvmlDeviceGetPowerUsage, whole)
        processes = self._ask(library.nvmlDeviceGetComputeRunningProcesses, part or whole)
        seen = None if processes is None else {process.pid for process in processes}
        return GpuSample(
            mhz=self._ask(library.nvmlDeviceGetClockInfo, whole, library.NVML_CLOCK_SM),
            reasons=None if bits is None else reasons_of(bits),
            celsius=self._ask(
                library.nvmlDeviceGetTemperature, whole, library.NVML_TEMPERATURE_GPU
            ),
            watts=None if milliwatts is None else milliwatts / 1000,
            tenants=tenants(seen, own, expected),
        )

    def _ask(self, function: Callable[..., Any], *words: Any) -> Any:
        """Call NVML; None where the card, the driver or this user has no such thing."""
        try:
            return function(*words)
        except self._library.NVMLError as error:
            if error.value in self._no_answers:
                return None
            raise NvmlFailed(f"NVML does not answer: {error}") from error

    def _call(self, function: Callable[..., Any], *words: Any) -> Any:
        """Call NVML for what it has to know."""
        try:
            return function(*words)
        except self._library.NVMLError as error:
            raise NvmlFailed(f"NVML does not answer: {error}") from error


class Watched:
    """One card or slice, to be sampled while turns run."""

    def __init__(self, card: Card, sample: Callable[[Collection[int], int], GpuSample]) -> None:
        self.card = card
        self._sample = sample

    def sample(self, own: Collection[int], expected: int) -> GpuSample:
        """Read the card now; `own` are our processes, of which `expected` use it."""
        return self._sample(own, expected)
