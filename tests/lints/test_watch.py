"""`perflint check --watch`: checks again after changes, and ends as it last judged."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from torch_perflint.__main__ import main
from torch_perflint.lints.watch import Snapshot, snapshot, watch

LOOP = """\
import torch
for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    total += loss.item()
"""


def _played(*looks: int) -> tuple[int, list[str]]:
    """Watch a world that goes through these states, and is interrupted at the end."""
    states: Iterator[int] = iter(looks)
    done: list[str] = []

    def look() -> Snapshot:
        for state in states:
            return {"a.py": (state, 0)}
        raise KeyboardInterrupt

    def check() -> int:
        done.append("check")
        return done.count("check")

    status = watch(look, check, lambda: None, lambda seconds: done.append("sleep"))
    return status, done


def test_nothing_is_checked_twice_without_a_change() -> None:
    assert _played(1, 1, 1) == (1, ["check", "sleep", "sleep"])


def test_a_change_is_checked_once_it_has_settled() -> None:
    # Seen at first; changed; still changing; settled; checked again.
    status, done = _played(1, 2, 3, 4, 4, 4, 4)
    assert (status, done) == (2, ["check", "sleep", "sleep", "check", "sleep"])


def test_a_change_during_a_check_is_seen_after_it() -> None:
    assert _played(1, 2, 2, 2, 2) == (2, ["check", "sleep", "check"])


def test_settings_are_watched_too_and_files_may_vanish(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "pyproject.toml").write_text("")
    (tmp_path / "sub" / "a.py").write_text("")
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    names = {os.path.relpath(path, tmp_path) for path in snapshot(tmp_path, [tmp_path])}
    assert {"pyproject.toml", "sub/pyproject.toml", "sub/a.py"} <= names
    assert "gone.py" not in names
    assert snapshot(tmp_path, [Path("not-there.py")]).keys() >= {str(tmp_path / "pyproject.toml")}


@pytest.mark.parametrize(
    "words", [["-"], ["--stdin-filename", "a.py"], ["--interactive"], ["--diff"]]
)
def test_what_cannot_go_on_by_itself_is_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--watch", *words]) == 2
    assert "--watch" in capsys.readouterr().err


class _Watched:
    """A real run, whose lines of output can be waited for."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "torch_perflint", "check", "--watch", "."],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            preexec_fn=_hears_interrupts,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def until(self, words: str) -> str:
        said = ""
        while words not in said:
            said += self._lines.get(timeout=60)
        return said

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)


def _hears_interrupts() -> None:
    """Undo what a shell does to what it runs in the background: Ctrl-C does not reach that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_real_run_follows_changes_and_ends_with_the_last_status(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(LOOP)
    watched = _Watched(tmp_path)
    try:
        said = watched.until("watching for changes")
        assert "train.py:6:14: PFL101" in said
        assert "\033" not in said, "a pipe is not cleared"
        (tmp_path / "train.py").write_text("import torch\n")
        assert "no findings" in watched.until("watching for changes")
        (tmp_path / "new.py").write_text(LOOP)
        assert "new.py:6:14: PFL101" in watched.until("watching for changes")
        (tmp_path / "pyproject.toml").write_text("[tool.perflint.lints]\nselekt = []\n")
        assert "nearest is 'select'" in watched.until("watching for changes")
        (tmp_path / "pyproject.toml").unlink()
        assert "PFL101" in watched.until("watching for changes")
        assert watched.interrupt() == 1
    finally:
        watched.process.kill()
        watched.process.wait()


def test_a_clean_end_is_status_0(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import torch\n")
    watched = _Watched(tmp_path)
    try:
        watched.until("watching for changes")
        assert watched.interrupt() == 0
    finally:
        watched.process.kill()
        watched.process.wait()
