"""Settings of pytest: strict ones, wrong ones, and those of the packages of a monorepo."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.__main__ import main
from torch_perflint.runners.selection.collect import Collected, wrong_call
from torch_perflint.runners.selection.groups import group_files, settings_of, split
from torch_perflint.runners.selection.reasons import PerfFile
from torch_perflint.runners.verdict.compare import Verdict

from .runs import PYTEST, run, syncs

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("quick")]

TEST = "import pytest\nimport lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "strict",
    ["strict = true", pytest.param("strict_config = true", marks=pytest.mark.slow)],
)
def test_a_project_that_refuses_unknown_settings_is_measured(repo: Any, strict: str) -> None:
    settings = f"{PYTEST}cache_dir = '.cache'\n{strict}\n"
    files = {"pyproject.toml": settings, "test_lib.py": TEST}
    repo.commit({**files, "lib.py": "def step(): return 1\n"})
    repo.commit({"lib.py": "def step(): return 2\n"})
    (test,) = run(repo).tests
    assert test.head_failure is None
    assert test.comparison is not None


@pytest.mark.slow
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


def package(name: str, more: str) -> dict[str, str]:
    test = (
        f"import pytest\nimport {name}\n@pytest.mark.perf\ndef test_it(perf): perf({name}.step)\n"
    )
    folder = f"packages/{name}"
    code = f"import torch\ndef step(): torch.ones(2).sum(){more}\n"
    return {
        f"{folder}/pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['src']\n",
        f"{folder}/src/{name}/__init__.py": code,
        f"{folder}/tests/test_speed.py": test,
    }


@pytest.mark.slow
def test_each_package_of_a_monorepo_is_run_with_its_own_settings(repo: Any) -> None:
    repo.commit({"pyproject.toml": "", **package("alpha", ""), **package("beta", ".item()")})
    repo.commit({**package("alpha", ".item()"), **package("beta", ".item().real")})
    result = run(repo)
    found = {test.test.path.split("/")[1]: test for test in result.tests}
    assert all(test.head_failure is None for test in found.values())
    assert syncs(found["alpha"]) == (0, 1)
    assert syncs(found["beta"]) == (1, 1)
    assert result.verdicts == 2
    assert found["beta"].comparison is not None


@pytest.mark.slow
def test_files_of_one_name_are_collected_alone(repo: Any) -> None:
    """In one process, two modules of one name are one module."""
    files = {f"{folder}/test_it.py": TEST for folder in ("one", "other")}
    repo.commit({"pyproject.toml": PYTEST, **files, "lib.py": "def step(): return 1\n"})
    repo.commit({"lib.py": "def step(): return 2\n"})
    found = {test.test.path: test for test in run(repo).tests}
    assert found.keys() == files.keys()
    assert all(test.comparison is not None for test in found.values())


@pytest.mark.slow
def test_a_file_that_fails_alone_as_well_has_failed(repo: Any) -> None:
    bad = {"test_bad.py": TEST, "bad.py": "", "test_lib.py": TEST}
    bad["test_bad.py"] += "import bad\nbad.name\n"
    repo.commit({"pyproject.toml": PYTEST, **bad, "lib.py": "def step(): return 1\n"})
    repo.commit({"lib.py": "def step(): return 2\n"})
    found = {test.test.path: test for test in run(repo).tests}
    assert found["test_bad.py"].verdict is Verdict.BROKEN
    assert found["test_lib.py"].comparison is not None


FILES = [PerfFile(name, ()) for name in ("a/t/test_a.py", "a/t/test_b.py", "b/test_a.py")]


def paths(groups: Iterable[Iterable[PerfFile]]) -> list[list[str]]:
    return [[file.path for file in files] for files in groups]


@pytest.mark.parametrize(
    ("name", "text", "counts"),
    [
        ("pytest.ini", "", True),
        ("pytest.toml", "", True),
        ("tox.ini", "[tox]\nenvlist =\n\n[pytest]\naddopts =\n", True),
        ("tox.ini", "[tox]\n", False),
        ("setup.cfg", "[tool:pytest]\n", True),
        ("setup.cfg", "[pytest]\n", False),
        ("pyproject.toml", "[tool.pytest.ini_options]\n", True),
        ("pyproject.toml", "[tool.ruff]\n", False),
        ("pyproject.toml", "[tool", True),
    ],
)
def test_files_with_other_settings_are_another_group(
    tmp_path: Path, name: str, text: str, *, counts: bool
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "pytest.ini").write_text("")
    assert paths(group_files([tmp_path], FILES)) == [[file.path for file in FILES]]
    (tmp_path / "a" / name).write_text(text)
    assert settings_of(tmp_path, "a/t/test_a.py") == (f"a/{name}" if counts else "pytest.ini")
    found = paths(group_files([tmp_path], FILES))
    apart = [["a/t/test_a.py", "a/t/test_b.py"], ["b/test_a.py"]]
    assert found == (apart if counts else [[file.path for file in FILES]])


def test_what_could_not_be_collected_in_company_is_tried_alone() -> None:
    one, *others = group = tuple(FILES)
    assert split(group, []) == (group, [])
    assert split(group, ["a/t/test_b.py::TestIt"]) == ((one, others[1]), [(others[0],)])
    assert split(group, [""]) == ((), [(file,) for file in FILES])
    assert split((one,), [one.path]) == ((one,), ())
