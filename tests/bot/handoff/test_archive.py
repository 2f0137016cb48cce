"""A hostile archive is refused at once and in little memory; a plain one is read."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("msgspec")

from hypothesis import given, settings
from hypothesis import strategies as st
from torch_perflint.bot.handoff.archive import read_archive
from torch_perflint.bot.handoff.zipped import ArchiveError, read_only_file
from torch_perflint.bot.report import decode_report

from .hostile import GOOD, HOSTILE, LARGE, NAME, REPORT, Entry, alone, pack

HERE = Path(__file__).parent
MIB, SECOND = 64, 1.0


def judged(which: str, folder: Path) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(HERE / "judge.py"), which, str(folder)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    for name, made in (HOSTILE | LARGE | {"good": lambda: GOOD}).items():
        (folder / f"{name}.zip").write_bytes(made())
    return folder


@pytest.fixture(scope="module")
def strict(corpus: Path) -> dict[str, dict[str, Any]]:
    return judged("strict", corpus)


@pytest.fixture(scope="module")
def naive(corpus: Path) -> dict[str, dict[str, Any]]:
    return judged("naive", corpus)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_at_once_and_in_little_memory(
    name: str, strict: dict[str, dict[str, Any]]
) -> None:
    told = strict[name]
    assert told["outcome"] == "refused", told
    assert told["seconds"] < SECOND and told["mib"] < MIB, told
    assert "\n" not in told["said"] and len(told["said"]) < 450
    assert not told["said"].startswith("::") and "##[" not in told["said"]


@pytest.mark.parametrize("name", [*LARGE, "good"])
def test_the_largest_that_is_taken_in_needs_no_more(
    name: str, strict: dict[str, dict[str, Any]]
) -> None:
    told = strict[name]
    assert told["outcome"] == "accepted", told
    assert told["mib"] < MIB, told


def test_a_naive_reader_fails_on_most_of_the_same_archives(
    naive: dict[str, dict[str, Any]],
) -> None:
    failed = {name for name in HOSTILE if naive[name]["outcome"] != "refused"}
    assert naive["good"]["outcome"] == "accepted"
    assert len(failed) >= 25, sorted(failed)
    assert {"symlink-to-report", "duplicate-names", "bomb", "nan", "deep", "parent"} <= failed


def test_each_archive_is_refused_for_the_reason_that_it_is_there_for(
    strict: dict[str, dict[str, Any]],
) -> None:
    for name, words in {
        "parent": "outside of the folder",
        "backslash": "outside of the folder",
        "symlink": "symbolic link",
        "encrypted": "encrypted",
        "two-files": "holds 2 files",
        "many-files": "holds 40,001 files",
        "more-than-it-says": "lists other files",
        "hidden-file": "between its file and its directory",
        "before-it": "before its file",
        "behind-it": "behind its end",
        "zip64": "has 4,294,967,295 bytes",
        "bomb": "314,572,800 bytes, and 8,388,608 are allowed",
        "bomb-that-lies": "another size",
        "bomb-below-the-size": "compressed more than 500 times",
        "too-large": "archive has more than 4,194,304 bytes",
        "many-values": "more than 250,000 values",
        "long-integer": "no run can have measured",
        "largest-float": "no run can have measured",
        "step-of-a-year": "no step takes that long",
        "deep": "recursion depth",
        "next-schema": "schema version 99",
        "other-local-name": "another file than is there",
    }.items():
        assert words in strict[name]["said"], strict[name]


def test_an_archive_as_the_upload_action_writes_it_is_read() -> None:
    # Made by zip-stream 7.0.5, which actions/upload-artifact writes its archives with: the sizes
    # stand behind the data.
    raw = (HERE / "as-uploaded.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        [name] = archive.namelist()
        assert read_archive(raw) == decode_report(archive.read(name), "report")


@pytest.mark.parametrize("method", [0, 8])
def test_a_plain_archive_is_read(method: int) -> None:
    assert read_archive(pack(Entry(method=method))) == decode_report(REPORT, "report")


def test_what_a_stranger_calls_a_test_is_no_command_in_the_message() -> None:
    made = json.loads(REPORT)
    test = made["run"]["tests"][0]["test"]
    test |= {"id": "::error::x\n::add-mask::y ##[error]z", "items": -1}
    with pytest.raises(ArchiveError) as error:
        read_archive(alone(json.dumps(made).encode()))
    said = str(error.value)
    assert "\n" not in said and "##[" not in said and not said.lstrip().startswith("::")
    assert "items is -1" in said


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_byte_that_is_changed_or_cut_never_gets_past(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD) - 1))
    bent = bytearray(GOOD)
    if data.draw(st.booleans()):
        bent[at] ^= data.draw(st.integers(1, 255))
    else:
        del bent[at]
    try:
        content = read_only_file(bytes(bent), NAME.decode(), largest=1 << 20)
    except ArchiveError:
        return
    # Dates, versions and rights may be what they like; the content may not.
    assert content == REPORT


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(ArchiveError):
        read_archive(noise)
