"""Puts a finished site in the place of an older one: nobody sees half of it, or parts of both."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .... import PerflintError

# What a folder has that is a site of ours.
_MARK = Path("data", "index.js")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `out` at the end, and is deleted after an error.

    Raises PerflintError where `out` is something else than a site of ours, or cannot be written.
    """
    out = out.absolute()
    if out.exists() and not (out / _MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise PerflintError(
            f"{out} is no site that perflint has written: name a folder that is new or empty"
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as name:
            made = Path(name, "new")
            made.mkdir()
            yield made
            old = Path(name, "old")
            if out.exists():
                out.rename(old)
            try:
                made.rename(out)
            except OSError:
                if old.exists():
                    old.rename(out)
                raise
    except OSError as error:
        raise PerflintError(f"cannot write the site {out}: {error.strerror or error}") from error


def copy_pages(source: Path, out: Path) -> None:
    """Copy the pages, scripts and style sheets that are the same in every site."""
    for file in sorted(source.iterdir()):
        shutil.copyfile(file, out / file.name)
