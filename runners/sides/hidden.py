"""Tells which changed files may have run where nobody looks: in processes that a test started."""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

# What a file that is run by itself begins with or asks for.
_SCRIPT = ("#!", "__main__")


def hidden_changes(
    changed: Iterable[str],
    seen: Collection[str],
    reach: Collection[str] | None,
    is_script: Callable[[str], bool],
) -> list[str]:
    """Return the changed Python files that only a process of the test's own can have run.

    `seen` are the files that ran in the test's process itself, where content is compared; `reach`
    those that the test can import (None: any). A script need not be imported by anyone.
    """
    return [
        name
        for name in changed
        if name.endswith(".py")
        and name not in seen
        and (reach is None or name in reach or is_script(name))
    ]


def is_script(path: Path) -> bool:
    """Whether a Python file looks as if it were run by itself; False where there is none."""
    if path.name == "__main__.py":
        return path.is_file()
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return text.startswith(_SCRIPT[0]) or _SCRIPT[1] in text
