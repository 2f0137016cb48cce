"""Programs that only the checks of workflows need: where they are, and a word where they lack."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BESIDE = Path(sys.executable).parent
NODE = Path(sys.prefix) / "node" / "node_modules" / ".bin"  # where .ci/run puts what needs node


def find(name: str) -> str | None:
    places = os.pathsep.join([str(BESIDE), str(NODE), os.environ.get("PATH", "")])
    return shutil.which(name, path=places)


def program(name: str) -> str:
    found = find(name)
    if found is None:
        pytest.skip(f"{name} is not installed: `.ci/run` installs it")
    return found


def run(name: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program(name), *words], cwd=cwd, capture_output=True, text=True)
