"""Environments of the tools that perflint is held against: pinned, made once, kept between runs."""

import os
import subprocess
import venv
from pathlib import Path

from torch_perflint import PerflintError


def cache_folder() -> Path:
    """Where wheels and environments stay between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "perflint-benchmarks"


def environment(home: Path, *requirements: str, seen: Path | None = None) -> Path:
    """Make an environment unless it is there; return the folder of its commands.

    `seen` is a folder of packages that it sees after its own: PyTorch is not installed twice.
    """
    ready = home / "ready"
    if not ready.exists():
        venv.create(home, clear=True, with_pip=True)
        pip(str(home / "bin" / "python"), "install", *requirements)
        if seen:
            (packages,) = home.glob("lib/python*/site-packages")
            (packages / "seen.pth").write_text(f"{seen}\n", encoding="utf-8")
        ready.touch()
    return home / "bin"


def pip(python: str, command: str, *words: str) -> None:
    """Run a command of pip; where it fails, say what it says."""
    quiet = ("--quiet", "--disable-pip-version-check")
    done = subprocess.run(
        [python, "-m", "pip", command, *quiet, *words], text=True, stderr=subprocess.PIPE
    )
    if done.returncode:
        raise PerflintError(f"pip {command} {' '.join(words)} failed:\n{done.stderr}")
