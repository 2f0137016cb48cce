"""Which processes belong to a worker that has ended, by what they began with."""

from pathlib import Path
from typing import Any

import pytest
from torch_perflint.runners.processes import strays


def test_a_process_that_has_just_begun_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, environment in ((11, b"A=1\0MARK=7\0"), (12, b"A=1\0"), (13, b""), (14, b"")):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "environ").write_bytes(environment)
    (tmp_path / "13" / "exe").symlink_to("/bin/true")  # 14 has ended
    killed: list[int] = []
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            (tmp_path / "13" / "environ").write_bytes(b"MARK=7\0")

    def kill(pid: int, signal: Any) -> None:
        killed.append(pid)

    monkeypatch.setattr(strays.time, "sleep", sleep)
    monkeypatch.setattr(strays.os, "kill", kill)
    strays.end_strays("MARK=7", tmp_path)
    assert (killed, len(slept)) == ([11, 13], 3)
