"""What holds for a path and who says so; all mistakes of all configurations at once."""

from pathlib import Path

import pytest
from torch_perflint.__main__ import main

TABLE = """\
[tool.perflint.lints]
ignore = ["PFL5"]
min_confidence = "proven"
per_file_ignores = { "tests/**" = ["PFL1"] }
[[tool.perflint.lints.overrides]]
files = ["old/**"]
ignore = ["PFL6"]
torch_version = "1.9"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(TABLE)
    for folder in ("tests", "old", "inner"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text("")
    (tmp_path / "inner" / "pyproject.toml").write_text("[tool.perflint.lints]\n")
    return tmp_path


def _shown(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, list[list[str]]]:
    assert main(["check", "--show-settings", *words]) == 0
    rows: dict[str, list[list[str]]] = {}
    for line in capsys.readouterr().out.splitlines()[1:-1]:
        key, rest = line.split(" = ", 1)
        value, place = rest.strip().split("  ", 1)
        rows.setdefault(key.strip(), []).append([value, place.strip()])
    return rows


def test_each_setting_comes_with_its_place(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(project / "pyproject.toml")
    rows = _shown(capsys, "old/a.py", "--ignore", "PFL2", "--fail-on", "info")
    assert rows["ignore"] == [
        ['["PFL5"]', file],
        ['["PFL6"]', "overrides, number 1"],
        ['["PFL2"]', "command line"],
    ]
    assert rows["torch_version"] == [['"1.9"', "overrides, number 1"]]
    assert rows["min_confidence"] == [['"proven"', file]]
    assert rows["fail_on"] == [['"info"', "command line"]]
    assert rows["min_severity"] == [['"info"', "fail_on"]]
    assert rows["select"] == [["[]", "default"]]
    rows = _shown(capsys, "tests/a.py")
    assert rows["excused from"] == [['["PFL1"]', "per_file_ignores, tests/**"]]
    assert rows["torch_version"] == [["none", "default"]]
    assert _shown(capsys, "inner/a.py")["ignore"] == [["[]", "default"]]


def test_the_rules_that_run_are_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--show-settings", "tests/a.py", "--select", "PFL101,PFL601"]) == 0
    assert capsys.readouterr().out.endswith("1 rule runs: PFL601\n")
    assert main(["check", "--show-settings", "nowhere.py"]) == 2


def test_right_configurations_are_said_to_be(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate-config"]) == 0
    assert capsys.readouterr().out == "no mistakes in 2 configurations\n"


def test_all_mistakes_of_all_configurations_are_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "pyproject.toml").write_text("""\
[tool.perflint.lints]
selct = []
accelerator = "tpu"
ignore = ["item-in-hotpath"]
local = ["tools.rules"]
baseline = "known.json"
""")
    (project / "inner" / "pyproject.toml").write_text("""\
[tool.perflint.lints]
extend_select = ["PFL77"]
per_file_ignores = { "a.py" = ["host-coppy"] }
baseline = "known.json"
[[tool.perflint.lints.overrides]]
files = ["a.py"]
ignore = ["PFL88"]
""")
    (project / "inner" / "known.json").write_text("[]")
    (project / "old" / "pyproject.toml").write_text("[tool.perflint\n")
    assert main(["validate-config"]) == 2
    shown = capsys.readouterr()
    said = shown.err.splitlines()
    assert shown.out == f"{len(said)} mistakes in 3 configurations\n"
    for part in (
        "nearest is 'select'",
        "one of auto, cuda, none",
        "no local rules tools.rules",
        "there is no baseline known.json",
        "extend_select: there is no rule 'PFL77'",
        "per_file_ignores, a.py: there is no rule 'host-coppy'; did you mean host-copy?",
        "overrides, number 1, ignore: there is no rule 'PFL88'",
        "known.json is no baseline",
        "cannot read the configuration",
    ):
        assert sum(part in line for line in said) == 1, part
    assert len(said) == 9


def test_the_settings_of_runs_are_checked_too(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "pyproject.toml").write_text("""\
[tool.perflint.runners]
max_second = 45
threads = 0
[tool.perflint.lints]
selct = []
""")
    assert main(["validate-config"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    for part in ("nearest is 'max_seconds'", "threads has to be", "nearest is 'select'"):
        assert sum(part in line for line in said) == 1, part


def test_the_configuration_above_a_path_is_read_too(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate-config", "tests/a.py", "inner"]) == 0
    assert "2 configurations" in capsys.readouterr().out
    assert main(["validate-config", "nowhere"]) == 2
