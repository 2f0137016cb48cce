"""What two workers say of the machine has to be the same for their times to be compared."""

import platform
from pathlib import Path

import pytest

pytest.importorskip("numpy")

from torch_perflint.runners.machine.machine import (
    cpu_name,
    driver_version,
    thread_notes,
    where_it_ran,
    why_unequal,
)


def said(*processors: int, threads: int = 1) -> dict[str, object]:
    return {"processors": list(processors), "threads": threads}


def test_sides_on_the_same_processors_are_comparable() -> None:
    assert why_unequal(said(0, 1), said(0, 1)) is None
    assert why_unequal(where_it_ran(), where_it_ran()) is None


def test_a_side_that_pins_itself_is_refused_with_both_lists() -> None:
    why = why_unequal(said(*range(64)), said(3))
    assert why is not None
    assert "0, 1, 2, 3, 4, 5, 6, 7 and 56 more" in why
    assert "head on 3:" in why


def test_another_number_of_threads_is_the_code_s_own_doing_and_told() -> None:
    assert thread_notes(said(0), said(0)) == []
    (note,) = thread_notes(said(0), said(0, threads=8))
    assert "1 threads on base and 8 on head" in note


def root_with(tmp_path: Path, name: str, text: str) -> Path:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(text)
    return tmp_path


ARM = """processor	: {number}
BogoMIPS	: 243.75
Features	: fp asimd
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x{variant}
CPU part	: 0x{part}
CPU revision	: 1

"""


@pytest.mark.parametrize(
    ("cores", "told"),
    [
        ([("3", "d0c")] * 2, " (cores 0x41 0x3 0xd0c 1)"),
        ([("1", "d40")] * 2, " (cores 0x41 0x1 0xd40 1)"),
        ([("1", "d40"), ("0", "d05")], " (cores 0x41 0x0 0xd05 1, 0x41 0x1 0xd40 1)"),
        ([], ""),
    ],
)
def test_processors_of_arm_differ_by_their_cores(
    tmp_path: Path, cores: list[tuple[str, str]], told: str
) -> None:
    """Stored reports of two kinds of them are not compared: the name is part of the fingerprint."""
    text = "".join(
        ARM.format(number=number, variant=variant, part=part)
        for number, (variant, part) in enumerate(cores)
    )
    assert cpu_name(root_with(tmp_path, "proc/cpuinfo", text)) == f"{platform.machine()}{told}"


def test_a_processor_that_has_a_name_is_called_so(tmp_path: Path) -> None:
    text = "processor\t: 0\nmodel name\t: AMD EPYC: 64\nprocessor\t: 1\nmodel name\t: other\n"
    assert cpu_name(root_with(tmp_path, "proc/cpuinfo", text)) == "AMD EPYC: 64"


@pytest.mark.parametrize(
    "line",
    [
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.104.05  Release Build",
    ],
)
def test_the_kernel_module_tells_the_driver(tmp_path: Path, line: str) -> None:
    root = root_with(tmp_path, "proc/driver/nvidia/version", f"{line}\nGCC version: 12.2.0\n")
    assert driver_version(root) == "535.104.05"
    assert driver_version(tmp_path / "elsewhere") is None
