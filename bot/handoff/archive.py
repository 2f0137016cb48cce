"""Reads a report that strangers may have made: nothing of it is believed, all of it is checked."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache

from ... import PerflintError
from ..log import plain
from ..report import Report, decode_report
from .zipped import ArchiveError, read_only_file

REPORT_NAME = "report.json"
# What the trusted side takes in; together they keep it below 64 MiB of memory. Measured: a perf
# test with 96 pairs takes 12 KB on a CPU, and 110 KB on a GPU, so that 75 of these fit.
LARGEST_ARCHIVE_BYTES = 4 * 1024 * 1024
LARGEST_REPORT_BYTES = 8 * 1024 * 1024
MOST_VALUES = 250_000

# No count, no time and no rate of a training step is beyond these; see `_MOST_FLOPS` in report.py.
_LARGEST_INTEGER, _LARGEST_NUMBER = 2**53, 1e25


def read_archive(archive: bytes) -> Report:
    """Read the report in a workflow artifact, held in memory, and never on a disk.

    Raises ArchiveError, whose message is one line that can go into a log as it is.
    """
    if len(archive) > LARGEST_ARCHIVE_BYTES:
        raise ArchiveError(f"the archive has more than {LARGEST_ARCHIVE_BYTES:,} bytes")
    raw = read_only_file(archive, REPORT_NAME, largest=LARGEST_REPORT_BYTES)
    # Every value but the first of a list or an object comes behind a comma.
    if raw.count(b",") > MOST_VALUES:
        raise ArchiveError(f"{REPORT_NAME} has more than {MOST_VALUES:,} values")
    try:
        report = decode_report(raw, REPORT_NAME)
    except PerflintError as error:
        raise ArchiveError(plain(str(error), 400)) from error
    _check_numbers(report)
    return report


def _check_numbers(report: Report) -> None:
    """Refuse numbers that nothing can have; whoever computes with them need not care then."""
    left: list[object] = [report]
    while left:
        value = left.pop()
        if isinstance(value, str) or value is None:
            continue
        if isinstance(value, int | float):
            most = _LARGEST_INTEGER if isinstance(value, int) else _LARGEST_NUMBER
            if not abs(value) <= most:  # also for what is no number at all
                raise ArchiveError(f"{REPORT_NAME} has a number that no run can have measured")
        elif isinstance(value, tuple):
            left += value
        elif isinstance(value, Mapping):
            left += value.values()
        elif is_dataclass(value):
            kind: type = type(value)
            left += [getattr(value, name) for name in _names(kind)]


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
