"""Which of the files that a hook names are worth a check."""

from pathlib import Path

from .files import is_python
from .survey import mentions_framework


def worth_checking(path: Path) -> bool:
    """Whether a path is there, is Python, and may speak of training at all.

    A hook names what a commit touches: files that it deletes, and files of any kind. What cannot be
    read is worth checking, since that is where it is said.
    """
    if path.is_dir():
        return True
    try:
        # As bytes: whether the text can be decoded does not matter for this.
        return is_python(path) and mentions_framework(path.read_bytes().decode("latin-1"))
    except FileNotFoundError:
        return False
    except OSError:
        return True
