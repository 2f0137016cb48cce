"""The [tool.perflint.lints] table."""

from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.lints.config import LintConfig, load_config
from torch_perflint.lints.finding import Severity


def _config(root: Path, text: str) -> LintConfig:
    (root / "pyproject.toml").write_text(text)
    return load_config(root)


def test_the_nearest_table_above_is_read(tmp_path: Path) -> None:
    below = tmp_path / "src" / "deep"
    below.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(
        "[tool.perflint.lints]\n"
        'select = ["PFL1"]\nignore = ["host-copy"]\nexclude = ["demo"]\nfail_on = "error"\n'
    )
    assert load_config(below) == LintConfig(
        ("PFL1",), ("host-copy",), ("demo",), Severity.ERROR, tmp_path
    )


def test_what_lies_above_the_top_of_the_project_is_not_read(tmp_path: Path) -> None:
    top = tmp_path / "project"
    below = top / "src"
    below.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.perflint.lints]\nselect = ['PFL1']\n")
    assert load_config(below, top) == LintConfig(root=below)
    assert load_config(top, top) == LintConfig(root=top)
    # Without a top it is read, and the top itself is looked at.
    assert load_config(below).select == ("PFL1",)
    (top / "pyproject.toml").write_text("[tool.perflint.lints]\nselect = ['PFL2']\n")
    assert load_config(below, top) == LintConfig(("PFL2",), root=top)


def test_no_table_means_the_defaults(tmp_path: Path) -> None:
    assert _config(tmp_path, "[project]\nname = 'x'\n") == LintConfig(root=tmp_path)
    assert LintConfig().fail_on is Severity.WARNING


def test_never_fails_on_nothing(tmp_path: Path) -> None:
    assert _config(tmp_path, '[tool.perflint.lints]\nfail_on = "never"\n').fail_on is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.perflint.lints]\nignor = []", "no key 'ignor'; the nearest is 'ignore'"),
        ("[tool.perflint.lints]\nfail-on = 'error'", "the nearest is 'fail_on'"),
        ("[tool.perflint.lints]\nroot = '/'", "no key 'root'"),
        ("[tool.perflint.lint]\nselect = []", "no key 'lint'; the nearest is 'lints'"),
        ("[tool.perflint]\nselect = []", "no key 'select'"),
        ("[tool.perflint.lints]\nselect = 'PFL1'", "list of strings"),
        ("[tool.perflint.lints]\nexclude = [1]", "list of strings"),
        ("[tool.perflint.lints]\nfail_on = 3", "has to be a string"),
        ("[tool.perflint.lints]\nfail_on = 'eror'", "'eror' is no severity"),
        ("[tool]\nperflint = 3", "has to be a table"),
        ("[tool.perflint]\nlints = []", "has to be a table"),
        ("[tool.perflint.lints", "cannot read the configuration"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PerflintError, match=message):
        _config(tmp_path, text)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(PerflintError, match="cannot read the configuration"):
        load_config(tmp_path)


def test_tables_of_the_other_rooms_are_let_be(tmp_path: Path) -> None:
    text = "[tool.perflint.runners]\nthreads = 2\n[tool.perflint.bot]\n[tool.perflint.telemetry]\n"
    assert _config(tmp_path, text) == LintConfig(root=tmp_path)
