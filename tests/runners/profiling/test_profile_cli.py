"""`perflint profile` says what to type where it was given a script in place of a perf test."""

import subprocess
from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.runners.profiling.profile_cli import run


def test_a_command_without_dashes_is_told_where_they_go(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["python", "train.py", "--batch-size", "32"])
    assert ended.value.code == 2
    wanted = "write a command behind `--`: perflint profile -- python train.py --batch-size 32"
    assert wanted in capsys.readouterr().err


@pytest.mark.parametrize("test", [[], ["perf_tests/test_gpt.py"], ["test_gpt.py::test_train"]])
def test_a_wrong_option_is_named(test: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run([*test, "--stepz=3"])
    assert "unrecognized arguments: --stepz" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run(["test_gpt.py", "test_vit.py"])
    assert "unrecognized arguments: test_vit.py" in capsys.readouterr().err


@pytest.mark.torch
def test_a_script_in_place_of_a_perf_test_is_told_how_it_is_profiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    Path("train.py").write_text("print('no test')\n")
    with pytest.raises(PerflintError, match=r"to profile a script: perflint profile -- python tr"):
        run(["train.py"])
