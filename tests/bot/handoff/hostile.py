"""Archives that a stranger might hand over instead of a report, each bent in one way."""

import io
import json
import random
import stat
import struct
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from torch_perflint.bot.report import as_json

from ..reports import GPT, IDENTICAL, report

NAME = b"report.json"
REPORT = msgspec.json.encode(report(GPT))
MIB = 1 << 20


@dataclass(frozen=True)
class Entry:
    """A file as the archive tells of it; what is None is told as it is."""

    content: bytes = REPORT
    name: bytes = NAME
    packed: bytes | None = None
    method: int = 8
    flags: int = 0
    mode: int = stat.S_IFREG | 0o644
    size: int | None = None
    crc: int | None = None
    local_name: bytes | None = None
    extra: bytes = b""


def deflate(content: bytes, level: int = 9) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


def pack(
    *entries: Entry, before: bytes = b"", between: bytes = b"", comment: bytes = b"", **end: int
) -> bytes:
    """Write an archive; `end` replaces what its last record says of it."""
    body, directory = bytearray(before), bytearray()
    for one in entries:
        stored = one.content if one.method == 0 else deflate(one.content)
        packed = stored if one.packed is None else one.packed
        crc = zlib.crc32(one.content) if one.crc is None else one.crc
        size = len(one.content) if one.size is None else one.size
        common = (one.flags, one.method, 0, 0x5C22, crc, len(packed), size)
        local = one.name if one.local_name is None else one.local_name
        at = len(body)
        body += struct.pack("<4s5H3L2H", b"PK\3\4", 20, *common, len(local), len(one.extra))
        body += local + one.extra + packed
        lengths = (len(one.name), len(one.extra), 0, 0, 0)
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 0x0314, 20, *common, *lengths, one.mode << 16, at
        )
        directory += one.name + one.extra
    body += between
    count = end.get("count", len(entries))
    place = end.get("directory", len(body))
    last = (end.get("disk", 0), 0, count, count, len(directory), place, len(comment))
    return bytes(body + directory + struct.pack("<4s4H2LH", b"PK\5\6", *last) + comment)


def json_with(**changed: Any) -> bytes:
    """The report with other values at its top."""
    return json.dumps(json.loads(REPORT) | changed).encode()


def json_text(key: bytes, value: bytes) -> bytes:
    """The report with a value that Python would not write."""
    before, found, after = REPORT.partition(b'"%s":' % key)
    assert found
    return before + found + value + after[len(after) - len(after.lstrip(b"0123456789.")) :]


def deep(levels: int) -> bytes:
    nested = b"[" * levels + b"]" * levels
    return b'{"more":%s,%s' % (nested, REPORT[1:])


def one_in_another() -> bytes:
    """Many entries that share the same data, as in the bombs of David Fifield."""
    single = pack(Entry(content=b"0" * MIB))
    end = len(single) - 22
    place = struct.unpack_from("<L", single, end + 16)[0]
    directory = single[place:end]
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 999, 999, 999 * len(directory), place, 0)
    return single[:place] + directory * 999 + last


def as_tar() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        info = tarfile.TarInfo("report.json")
        info.size = len(REPORT)
        tar.addfile(info, io.BytesIO(REPORT))
    return made.getvalue()


def twice_other() -> bytes:
    made = report(replace(GPT, other=replace(GPT, other=GPT)))
    return msgspec.json.encode(made)


def tests_with(**changed: Any) -> bytes:
    made = json.loads(REPORT)
    made["run"]["tests"][0] |= changed
    return json.dumps(made).encode()


def alone(content: bytes) -> bytes:
    return pack(Entry(content))


GOOD = pack(Entry())

HOSTILE: dict[str, Callable[[], bytes]] = {
    # Where its file would land.
    "parent": lambda: pack(Entry(name=b"../report.json")),
    "parent-in-the-middle": lambda: pack(Entry(name=b"a/../../report.json")),
    "absolute": lambda: pack(Entry(name=b"/report.json")),
    "drive": lambda: pack(Entry(name=b"C:report.json")),
    "backslash": lambda: pack(Entry(name=b"..\\report.json")),
    "folder": lambda: pack(Entry(name=b"out/report.json")),
    "nul-in-name": lambda: pack(Entry(name=b"report.json\0.sh")),
    "other-case": lambda: pack(Entry(name=b"REPORT.JSON")),
    "lookalike": lambda: pack(Entry(name="rep\u043ert.json".encode(), flags=0x0800)),
    "symlink": lambda: pack(Entry(b"/etc/passwd", mode=stat.S_IFLNK | 0o777, method=0)),
    "symlink-to-report": lambda: pack(Entry(mode=stat.S_IFLNK | 0o777)),
    "device": lambda: pack(Entry(mode=stat.S_IFCHR | 0o644)),
    "directory": lambda: pack(Entry(b"", name=b"report.json/", mode=stat.S_IFDIR | 0o755)),
    # What else it holds.
    "two-files": lambda: pack(Entry(), Entry(b"#!/bin/sh", name=b"evil.sh")),
    "duplicate-names": lambda: pack(Entry(), Entry(json_with(status=0))),
    "many-files": lambda: pack(Entry(), *[Entry(b"", name=b"%d" % n) for n in range(40_000)]),
    "more-than-it-says": lambda: pack(Entry(), Entry(name=b"evil.sh"), count=1),
    "hidden-file": lambda: pack(Entry(), between=pack(Entry(name=b"evil.sh"))[:-60]),
    "no-files": lambda: pack(),
    "shared-data": one_in_another,
    "before-it": lambda: pack(Entry(), before=b"#!/bin/sh\nexit\n"),
    "behind-it": lambda: GOOD + b"\n",
    "two-archives": lambda: GOOD + GOOD,
    "comment": lambda: pack(Entry(), comment=b"::set-env name=PATH::/evil"),
    "other-local-name": lambda: pack(Entry(local_name=b"../evil.js")),
    # What it claims.
    "encrypted": lambda: pack(Entry(flags=1)),
    "bzip2": lambda: pack(Entry(method=12, packed=b"BZh9")),
    "zip64": lambda: pack(Entry(size=0xFFFFFFFF, extra=struct.pack("<2HQ", 1, 8, len(REPORT)))),
    "zip64-directory": lambda: pack(Entry(), count=0xFFFF, directory=0xFFFFFFFF),
    "many-disks": lambda: pack(Entry(), disk=3),
    "wrong-checksum": lambda: pack(Entry(crc=0)),
    "smaller-than-it-says": lambda: pack(Entry(size=len(REPORT) + 1)),
    "larger-than-it-says": lambda: pack(Entry(size=len(REPORT) - 1)),
    "cut": lambda: GOOD[: len(GOOD) // 2],
    "cut-data": lambda: pack(Entry(packed=deflate(REPORT)[:-20])),
    "behind-the-data": lambda: pack(Entry(packed=deflate(REPORT) + b"more")),
    "noise": lambda: pack(Entry(packed=b"\xff" * 100)),
    # Bombs.
    "bomb": lambda: alone(b"0" * (300 * MIB)),
    "bomb-that-lies": lambda: pack(Entry(b"0" * (300 * MIB), size=1000)),
    "bomb-below-the-size": lambda: alone(REPORT + b" " * (7 * MIB)),
    "too-large": lambda: pack(Entry(REPORT + b" " * (9 * MIB), method=0, packed=None)),
    "too-large-packed": lambda: pack(Entry(REPORT, extra=b"\0" * 65_000), before=b"\0" * 5 * MIB),
    "many-values": lambda: alone(_large("", 1_000_000)),
    # What the report says.
    "nan": lambda: alone(json_text(b"seconds", b"NaN")),
    "infinity": lambda: alone(json_text(b"seconds", b"-Infinity")),
    "no-float": lambda: alone(json_text(b"seconds", b"1e999")),
    "largest-float": lambda: alone(json_text(b"seconds", b"1e308")),
    "long-integer": lambda: alone(json_text(b"seed", b"9" * 4000)),
    "longest-integer": lambda: alone(json_text(b"seed", b"9" * 60_000)),
    "deep": lambda: alone(deep(20_000)),
    "deep-and-open": lambda: alone(b"[" * 60_000),
    "tests-in-tests": lambda: alone(twice_other()),
    "next-schema": lambda: alone(json_with(schema_version=99)),
    "no-schema": lambda: alone(b"{}"),
    "wrong-types": lambda: alone(json_with(run=[])),
    "null": lambda: alone(b"null"),
    "behind-the-report": lambda: alone(REPORT + b"{}"),
    "utf-16": lambda: alone(REPORT.decode().encode("utf-16")),
    "no-utf-8": lambda: alone(REPORT.replace(b"PFL", b"\xff\xfe").replace(b"HEAD", b"\xc0\x80")),
    "half-a-surrogate": lambda: alone(REPORT.replace(b"HEAD", b"\\ud800")),
    "step-of-a-year": lambda: alone(
        tests_with(segments=[{"launch": 1, "pairs": [{"base": 1.0, "head": 3.2e11}]}])
    ),
    "no-verdict": lambda: alone(tests_with(verdict="all is well")),
    "empty": lambda: b"",
    "tar": as_tar,
    "html": lambda: b"<html>Sign in to the proxy</html>",
}


def _large(text: str, count: int) -> bytes:
    """As much as is taken in, with what needs the most memory; noise keeps the ratio believable."""
    noise = random.Random(0).randbytes(MIB).hex()
    return json_with(perflint=noise + text, status_reasons=[""] * count)


def _untimed() -> bytes:
    """A thousand tests that nothing changed for: nothing else that is real packs as well."""
    each = [replace(IDENTICAL, test=replace(GPT.test, id=f"a.py::test_{n}")) for n in range(1000)]
    return alone(as_json(report(*each)))


# What is taken in, though it is as large as can be.
LARGE: dict[str, Callable[[], bytes]] = {
    "untimed": _untimed,
    "wide-text": lambda: alone(_large("\U0001f525" + "text " * MIB, 0)),
    "values": lambda: alone(_large("", 240_000)),
    "pairs": lambda: alone(
        tests_with(
            segments=[
                {"launch": 1, "pairs": [{"base": 0.01 + n / 1e9, "head": 0.02}]}
                for n in range(80_000)
            ]
        )
    ),
}
