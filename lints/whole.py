"""Writes files as a whole or not at all."""

import os
from pathlib import Path

from .. import PerflintError


def write_whole(path: Path, text: str | bytes) -> None:
    """Put a text in place of a file in one move. Raises PerflintError; the old file then stays."""
    target = path.resolve()
    half = target.with_name(f"{target.name}.{os.getpid()}.perflint")
    try:
        half.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        if target.exists():
            half.chmod(target.stat().st_mode & 0o7777)
        os.replace(half, target)
    except OSError as error:
        raise PerflintError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        half.unlink(missing_ok=True)
