"""Which of the files that a hook names are worth a check."""

from pathlib import Path

from .engine import could_matter
from .files import is_python


def worth_checking(path: Path) -> bool:
    """Whether a path is there, is Python, and may speak of training at all.

    A hook names what a commit touches: files that it deletes, and files of any kind. What cannot be
    read is worth checking, since that is where it is said.
    """
    if path.is_dir():
        return True
    try:
        # As bytes: whether the text can be decoded does not matter for this.
        return is_python(path) and could_matter(path.read_bytes().decode("latin-1"))
    except FileNotFoundError:
        return False
    except OSError:
        return True
