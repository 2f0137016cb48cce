"""The lines that a thread reaches, as each Python on this machine tells of them."""

import ast
import os
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest
import torch_perflint
from torch_perflint.runners.profiling.line_marks import LineMarker
from torch_perflint.runners.profiling.recording import Line

CODE = """\
def numbers():
    yield 1
    yield 2
def boom():
    raise ValueError
def step():
    a = 0
    for n in numbers():
        a += n
    try:
        boom()
    except ValueError:
        a += 1
    return sorted([3, 1], key=lambda k: -k)
def calls(other):
    other()
    return 0
"""
# Line and number of open functions, as they are reached; the line of the caller comes back.
REACHED = [
    *[(7, 1), (8, 1), (2, 2), (8, 1), (9, 1), (8, 1), (3, 2), (8, 1), (9, 1), (8, 1), (8, 1)],
    *[(10, 1), (11, 1), (5, 2), (11, 1), (12, 1), (13, 1)],
    *[(14, 1), (14, 2), (14, 1), (14, 2), (14, 1), (None, 0), (None, 0)],
]
PROGRAM = f"""
import sys, pathlib
sys.path.insert(0, sys.argv[1])
from torch_perflint.runners.profiling.line_marks import LineMarker
names = {{}}
exec(compile({CODE!r}, "/project/net.py", "exec"), names)
marker = LineMarker(pathlib.Path("/project"))
for _ in range(2):
    with marker.watching():
        names["step"]()
marks = marker.marks(1)
print([(line and line[1], depth) for line, depth in zip(marks.lines, marks.depths)])
"""
# Forks within a step, and ends the child with what it has noted by itself.
FORKING = f"""
import os, sys, pathlib
sys.path.insert(0, sys.argv[1])
from torch_perflint.runners.profiling.line_marks import LineMarker
names = {{}}
exec(compile({CODE!r}, "/project/net.py", "exec"), names)
marker = LineMarker(pathlib.Path("/project"))
def fork():
    before = len(marker.marks(1).times)
    if not os.fork():
        names["step"]()
        os._exit(len(marker.marks(1).times) - before)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
with marker.watching():
    names["calls"](fork)
print([line and line[1] for line in marker.marks(1).lines])
"""


@pytest.fixture
def code(tmp_path: Path) -> dict[str, Any]:
    names: dict[str, Any] = {"root": tmp_path}
    exec(compile(CODE, str(tmp_path / "net.py"), "exec"), names)
    return names


def lines(marker: LineMarker) -> list[Line | None]:
    return [*marker.marks(1).lines]


def pythons() -> list[str]:
    """This Python, and those beside it that this perflint may run on."""
    found = [shutil.which(f"python3.{minor}") for minor in (11, 12, 13, 14)]
    pyenv = sorted(Path(sys.base_prefix).parent.glob("3.1[1-9]*/bin/python"))
    others = dict.fromkeys([*filter(None, found), *map(str, pyenv)])
    # A shim may stand for a version that is not chosen here.
    start = {other: subprocess.run([other, "-c", ""], capture_output=True) for other in others}
    return [sys.executable, *(other for other in others if start[other].returncode == 0)]


@pytest.mark.parametrize("python", pythons())
def test_each_python_tells_the_same_lines(python: str, tmp_path: Path) -> None:
    """From 3.12 on these come from `sys.monitoring`, before from a tracer."""
    (tmp_path / "torch_perflint").symlink_to(Path(torch_perflint.__file__).parent)
    done = subprocess.run(
        [python, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert ast.literal_eval(done.stdout) == REACHED * 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no processes")
@pytest.mark.parametrize("python", pythons())
def test_a_process_that_is_forked_meanwhile_notes_nothing(python: str, tmp_path: Path) -> None:
    """A loader's workers begin within a step: a tracer would make them many times slower."""
    (tmp_path / "torch_perflint").symlink_to(Path(torch_perflint.__file__).parent)
    done = subprocess.run(
        [python, "-c", FORKING, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["0", "[16, 17, None, None]"]


def test_lines_of_other_files_and_other_threads_are_left_out(code: dict[str, Any]) -> None:
    marker = LineMarker(code["root"])
    stranger = threading.Thread(target=lambda: code["calls"](int))
    with marker.watching():
        stranger.start()
        stranger.join()
        textwrap.dedent("x")
        code["calls"](lambda: textwrap.dedent("x"))
    assert lines(marker) == [("net.py", 16), ("net.py", 17), None, None]


def test_a_tracer_that_was_there_before_comes_back(code: dict[str, Any]) -> None:
    def mine(*_: object) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(mine)
    try:
        with LineMarker(code["root"]).watching():
            code["calls"](int)
        assert sys.gettrace() is mine
    finally:
        sys.settrace(before)


def test_a_step_that_fails_leaves_no_line_open(code: dict[str, Any]) -> None:
    marker = LineMarker(code["root"])
    with pytest.raises(ValueError), marker.watching():
        code["boom"]()
    assert lines(marker)[-1] is None
    assert marker.marks(1).depths[-1] == 0
