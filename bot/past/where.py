"""Where the history is, unless somebody names another place."""

from pathlib import Path

from ... import PerflintError
from ...runners.sides.git import repository
from ..disk import own_folder

DEFAULT_STORE = ".perflint/history.sqlite"


def store_at(named: str | None, here: Path, *, make: bool = False) -> str:
    """The store that was named, or that of the repository, from whichever of its folders.

    `make` says that it is going to be written.
    """
    if named:
        return named
    try:
        if make:
            own_folder(here)
        return str(repository(here) / DEFAULT_STORE)
    except PerflintError:
        return DEFAULT_STORE
