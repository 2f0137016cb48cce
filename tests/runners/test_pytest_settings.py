"""Settings of pytest: strict ones, wrong ones, and those of the packages of a monorepo."""

from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.__main__ import main
from torch_perflint.runners.collect import Collected, wrong_call

from .runs import PYTEST, run

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("quick")]

TEST = "import pytest\nimport lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n"


@pytest.mark.parametrize("strict", ["strict = true", "strict_config = true"])
def test_a_project_that_refuses_unknown_settings_is_measured(repo: Any, strict: str) -> None:
    settings = f"{PYTEST}cache_dir = '.cache'\n{strict}\n"
    files = {"pyproject.toml": settings, "test_lib.py": TEST}
    repo.commit({**files, "lib.py": "def step(): return 1\n"})
    repo.commit({"lib.py": "def step(): return 2\n"})
    (test,) = run(repo).tests
    assert test.head_failure is None
    assert test.comparison is not None


def test_settings_that_pytest_does_not_take_end_the_run_with_its_own_line(
    repo: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = f"{PYTEST}strict_config = true\nno_such_setting = 3\n"
    files = {"pyproject.toml": settings, "test_lib.py": TEST}
    repo.commit({**files, "lib.py": "def step(): return 1\n"})
    repo.commit({"lib.py": "def step(): return 2\n"})
    with pytest.raises(PerflintError, match="settings: Unknown config option: no_such_setting"):
        run(repo)
    monkeypatch.chdir(repo.root)
    assert main(["bench", "--base", "main~1"]) == 2
    assert "Unknown config option: no_such_setting" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("ERROR: Unknown config option: timeout\n", "Unknown config option: timeout"),
        (
            "ERROR: usage: python -m pytest [options]\npython -m pytest: error: unrecognized "
            "arguments: --x\n  rootdir: /tmp",
            "unrecognized arguments: --x",
        ),
        ("no line of the kind that is known", "no line of the kind that is known"),
        ("ImportError while loading conftest 'conftest.py'.\nE   KeyError: 1", None),
    ],
)
def test_what_pytest_says_of_its_settings_is_told_apart_from_a_conftest_that_fails(
    log: str, said: str | None
) -> None:
    assert wrong_call(Collected([], {"": f"the process ended with status 4\n{log}"})) == said
    assert wrong_call(Collected([], {"": f"the process ended with status 3\n{log}"})) is None
