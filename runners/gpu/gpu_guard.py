"""Reads the card that the workers use, as long as NVML answers; says why where it does not."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from .gpu import GpuSample
from .nvml import Nvml, NvmlFailed, Watched


def mps_daemon_runs(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the control pipe of the Multi-Process Service is where clients would look for it."""
    folder = environment.get("CUDA_MPS_PIPE_DIRECTORY") or "/tmp/nvidia-mps"
    return (Path(folder) / "control").exists()


class GpuGuard:
    """Opens NVML when the first worker says that it uses a GPU; without one, nothing is opened."""

    def __init__(self) -> None:
        self._nvml: Nvml | None = None
        self._watched: dict[str, Watched | None] = {}
        self._broken = False
        self.notes: list[str] = []

    def watch(self, uuid: str | None) -> Watched | None:
        """Return the card of this UUID; None where it cannot be watched, which is noted once."""
        if uuid is None:
            self._give_up("PyTorch does not name the card it uses")
        if uuid is None or self._broken:
            return None
        try:
            if self._nvml is None:
                self._nvml = Nvml()
            if uuid not in self._watched:
                self._watched[uuid] = self._nvml.find(uuid)
                if self._watched[uuid] is None:
                    self._note(f"NVML knows no card {uuid}")
            return self._watched[uuid]
        except NvmlFailed as error:
            self._give_up(str(error))
            return None

    def sample(
        self, watched: Watched | None, own: Collection[int], expected: int
    ) -> GpuSample | None:
        """Read the card now; None where that is not possible, or not any more."""
        if watched is None or self._broken:
            return None
        try:
            return watched.sample(own, expected)
        except NvmlFailed as error:
            self._give_up(str(error))
            return None

    def close(self) -> None:
        """End the connection to NVML."""
        if self._nvml is None:
            return
        try:
            self._nvml.close()
        except NvmlFailed as error:
            self._give_up(str(error))
        self._nvml = None
        self._watched.clear()

    def _give_up(self, why: str) -> None:
        self._broken = True
        self._note(why)

    def _note(self, why: str) -> None:
        note = f"the GPU's clock and tenants were not watched: {why}"
        if note not in self.notes:
            self.notes.append(note)
