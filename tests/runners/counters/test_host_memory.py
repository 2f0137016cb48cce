"""The process's own peak: as the kernel tells it, and absent where it does not."""

from pathlib import Path

import pytest
from torch_perflint.runners.counters.host_memory import high_water_bytes


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux keeps this mark")
def test_the_mark_rises_by_what_the_step_touches() -> None:
    small = high_water_bytes(lambda: None)
    large = high_water_bytes(lambda: bytearray(b"x") * (200 << 20))
    again = high_water_bytes(lambda: None)
    assert small and large and again
    assert large - small > 190 << 20
    # The mark was set back: the earlier step is forgotten.
    assert large - again > 190 << 20


def test_the_step_runs_and_nothing_is_told_where_the_mark_cannot_be_set_back(
    tmp_path: Path,
) -> None:
    ran = []
    assert high_water_bytes(lambda: ran.append(1), tmp_path / "no such") is None
    assert ran == [1]
    # Set back, but not told.
    (tmp_path / "status").write_text("Name:\tpython\n")
    assert high_water_bytes(lambda: ran.append(2), tmp_path) is None
    assert ran == [1, 2]


def test_the_unit_of_the_kernel_is_kibibytes(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t   12 kB\nVmRSS:\t 10 kB\n")
    assert high_water_bytes(lambda: None, tmp_path) == 12 * 1024
