"""Reads the one file out of an archive, in memory: of all that a zip may hold, only that.

Python's own reader makes an object for each entry and takes what it can find; here an archive has
one form, and every byte of it has its place. Layout and field names: PKWARE's APPNOTE.TXT, 4.3.
"""

import stat
import struct
import zlib
from dataclasses import dataclass

from ... import PerflintError

# Measured: a report whose tests were timed packs 6 to 11 times, one of 1,000 tests that were not,
# and differ in their names alone, 103 times. A bomb comes near 1,032, the most that deflate can do.
LARGEST_RATIO = 500
# Below this many bytes the ratio says nothing.
_RATIO_COUNTS_FROM = 64 * 1024
_CHUNK = 64 * 1024

_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_END_MARK, _CENTRAL_MARK, _LOCAL_MARK = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
_DESCRIPTOR_MARK = b"PK\x07\x08"

_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_SIZES_FOLLOW = 0x0008
# How well it was compressed, sizes behind the data, a name in UTF-8.
_KNOWN_FLAGS = 0x0006 | _SIZES_FOLLOW | 0x0800


class ArchiveError(PerflintError):
    """An archive that is not read; the message says why, in words of ours alone."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the central directory says about a file; sizes in bytes."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    mode: int
    offset: int


def read_only_file(archive: bytes, name: str, *, largest: int) -> bytes:
    """Return the content of the file `name`, which has to be the only one in the archive.

    `largest` is how many bytes it may have. Raises ArchiveError for all else than such an archive.
    """
    entry, directory = _only_entry(archive)
    _check_name(entry.name, name)
    _check_kind(entry)
    if entry.size > largest:
        raise ArchiveError(f"{name} has {entry.size:,} bytes, and {largest:,} are allowed")
    packed = _packed(archive, entry, directory)
    content = packed if entry.method == _STORED else _inflate(packed, entry.size, name)
    if len(content) != entry.size:
        raise ArchiveError(f"{name} has another size than the archive says")
    if zlib.crc32(content) != entry.crc:
        raise ArchiveError(f"the checksum of {name} is wrong: the archive is damaged")
    return content


def _only_entry(archive: bytes) -> tuple[_Entry, int]:
    """Return the one entry and where the directory that lists it begins."""
    at = len(archive) - _END.size
    if at < 0 or archive[at : at + 4] != _END_MARK:
        raise ArchiveError("it is no zip archive, or something lies behind its end")
    _, disk, first_disk, here, entries, length, directory, comment = _END.unpack_from(archive, at)
    if (disk, first_disk, comment) != (0, 0, 0) or here != entries:
        raise ArchiveError("it is a part of an archive, or has a comment")
    if entries == 0xFFFF or 0xFFFFFFFF in (length, directory):
        raise ArchiveError("it is made for files of more than 4 GiB (zip64)")
    if entries != 1:
        raise ArchiveError(f"it holds {entries:,} files, and has to hold one")
    if directory + length != at or length < _CENTRAL.size:
        raise ArchiveError("its directory is not where it has to be")
    mark, _, _, flags, method, _, _, crc, packed, size, *lengths, mode, offset = (
        _CENTRAL.unpack_from(archive, directory)
    )
    name_length, extra_length, comment_length = lengths[:3]
    if mark != _CENTRAL_MARK or length != _CENTRAL.size + name_length + extra_length:
        raise ArchiveError("its directory lists other files than it says")
    if comment_length or lengths[3]:
        raise ArchiveError("it is a part of an archive, or has a comment")
    begin = directory + _CENTRAL.size
    name = archive[begin : begin + name_length]
    return _Entry(name, flags, method, crc, packed, size, mode >> 16, offset), directory


def _check_name(found: bytes, name: str) -> None:
    if found == name.encode():
        return
    parts = found.replace(b"\\", b"/").split(b"/")
    if b".." in parts or parts[0] == b"" or b":" in parts[0]:
        raise ArchiveError("its file would land outside of the folder it is unpacked in")
    # The name is not shown: it is a stranger's.
    raise ArchiveError(f"its file is not {name}")


def _check_kind(entry: _Entry) -> None:
    if stat.S_ISLNK(entry.mode):
        raise ArchiveError("its file is a symbolic link")
    if stat.S_IFMT(entry.mode) not in (0, stat.S_IFREG):
        raise ArchiveError("it holds something that is no file")
    if entry.flags & _ENCRYPTED:
        raise ArchiveError("it is encrypted")
    if entry.flags & ~_KNOWN_FLAGS or entry.method not in (_STORED, _DEFLATED):
        raise ArchiveError("it is compressed in a way that is not read here")


def _packed(archive: bytes, entry: _Entry, directory: int) -> bytes:
    """Return the file's bytes as stored, where they fill all that lies before the directory."""
    if entry.offset != 0 or len(archive) < _LOCAL.size:
        raise ArchiveError("something lies before its file")
    mark, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack_from(
        archive
    )
    start = _LOCAL.size + name_length + extra_length
    name = archive[_LOCAL.size : _LOCAL.size + name_length]
    if mark != _LOCAL_MARK or (name, flags, method) != (entry.name, entry.flags, entry.method):
        raise ArchiveError("its directory tells of another file than is there")
    known = (entry.crc, entry.packed, entry.size)
    follows = bool(flags & _SIZES_FOLLOW)
    if (crc, packed, size) != known and not (follows and (crc, packed, size) == (0, 0, 0)):
        raise ArchiveError("its directory tells of another file than is there")
    end = start + entry.packed
    behind = archive[end:directory] if end <= directory else None
    sizes = struct.pack("<3L", *known)
    if behind not in ((sizes, _DESCRIPTOR_MARK + sizes) if follows else (b"",)):
        raise ArchiveError("something lies between its file and its directory")
    return archive[start:end]


def _inflate(packed: bytes, size: int, name: str) -> bytes:
    """Decompress `size` bytes and not one more, in pieces, as long as the ratio is believable."""
    inflater, content = zlib.decompressobj(-zlib.MAX_WBITS), bytearray()
    left, taken = memoryview(packed), 0
    try:
        while not inflater.eof:
            piece: bytes | memoryview = inflater.unconsumed_tail or left[taken : taken + _CHUNK]
            fresh = not inflater.unconsumed_tail
            if not piece:
                raise ArchiveError(f"{name} ends before its end")
            content += inflater.decompress(piece, min(_CHUNK, size - len(content)) + 1)
            taken += len(piece) if fresh else 0
            used = max(1, taken - len(inflater.unconsumed_tail))
            if len(content) > size:
                raise ArchiveError(f"{name} has another size than the archive says")
            if len(content) > max(_RATIO_COUNTS_FROM, LARGEST_RATIO * used):
                raise ArchiveError(
                    f"{name} is compressed more than {LARGEST_RATIO} times: no report is"
                )
    except zlib.error as error:
        raise ArchiveError(f"{name} cannot be decompressed: the archive is damaged") from error
    if inflater.unused_data or taken < len(packed):
        raise ArchiveError(f"something lies behind the data of {name}")
    return bytes(content)
