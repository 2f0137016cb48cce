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
        ("PFL1",), ("host-copy",), exclude=("demo",), fail_on=Severity.ERROR, root=tmp_path
    )


def test_a_pyproject_without_our_table_is_passed_over(tmp_path: Path) -> None:
    below = tmp_path / "package"
    below.mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.perflint.lints]\nselect = ['PFL1']\n")
    for text in ("[project]\nname = 'x'\n", "# perflint\n[tool.other]\n", "this is [no TOML"):
        (below / "pyproject.toml").write_text(text)
        assert load_config(below).select == ("PFL1",)
    (below / "pyproject.toml").write_text("[tool.perflint]\n")
    assert load_config(below) == LintConfig(root=below)


def test_keys_may_be_written_with_dashes(tmp_path: Path) -> None:
    config = _config(
        tmp_path,
        "[tool.perflint.lints]\nfail-on = 'error'\nextend-select = ['PFL1']\n"
        "[tool.perflint.lints.per-file-ignores]\n'a.py' = ['ALL']\n",
    )
    assert config.fail_on is Severity.ERROR
    assert config.extend_select == ("PFL1",)
    assert config.per_file_ignores == (("a.py", ("ALL",)),)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(PerflintError) as error:
        _config(tmp_path, "[tool.perflint.lints]\nselct = []\npreview = 3\naccelerator = 'x'\n")
    lines = str(error.value).splitlines()
    assert len(lines) == 3
    assert all(str(tmp_path / "pyproject.toml") in line for line in lines)


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
        ("[tool.perflint.lints]\nfail-onn = 'error'", "the nearest is 'fail_on'"),
        ("[tool.perflint.lints]\nfail-on = 'error'\nfail_on = 'error'", "'fail_on' twice"),
        ("[tool.perflint.lints]\nlayers = []", "no key 'layers'"),
        ("[tool.perflint.lints]\npreview = 1", "preview .* has to be true or false"),
        ("[tool.perflint.lints]\nmin_severity = 'never'", "one of info, warning, error"),
        ("[tool.perflint.lints]\nmin-confidence = 'sure'", "one of possible, likely, proven"),
        ("[tool.perflint.lints]\naccelerator = 'tpu'", "one of auto, cuda, none"),
        ("[tool.perflint.lints]\nsync_allowed = 'x'", "list of strings"),
        ("[tool.perflint.lints]\nsync_allowed = ['a b']", "names such as"),
        ("[tool.perflint.lints]\ntorch_version = 2.1", 'a version such as "2.1"'),
        ("[tool.perflint.lints]\nlocal = ['tools/x.py']", "modules such as"),
        ("[tool.perflint.lints]\nper_file_ignores = ['a']", "table of globs"),
        ("[tool.perflint.lints.overrides]\nfiles = ['a']", r"each under \[\[tool"),
        ("[[tool.perflint.lints.overrides]]\nselect = []", "number 1 needs `files`"),
        ("[[tool.perflint.lints.overrides]]\nfiles = ['a']\nslect = []", "nearest is 'select'"),
        (
            "[[tool.perflint.lints.overrides]]\nfiles = ['a']\nexclude = []",
            "exclude is for the whole project",
        ),
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
