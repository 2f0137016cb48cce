"""What holds for each file: nested tables, overrides, per-file ignores, the command line."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.lints.config import LintConfig, load_config, with_command_line
from torch_perflint.lints.finding import Confidence, Finding, Severity, Span
from torch_perflint.lints.registry import all_rules
from torch_perflint.lints.selection import chosen
from torch_perflint.lints.settings import Settings, any_fails, fits

HEAD = "[tool.perflint.lints]\n"


def _settings(root: Path, table: str = "", **given: object) -> Settings:
    (root / "pyproject.toml").write_text(HEAD + table)
    return Settings(with_command_line(load_config(root), given))


def _codes(settings: Settings, path: Path) -> set[str]:
    return {rule.code for rule in chosen(all_rules(), settings.for_file(path))}


def test_each_file_is_judged_by_the_nearest_table(tmp_path: Path) -> None:
    settings = _settings(tmp_path, 'select = ["PFL1"]')
    inner = tmp_path / "services" / "trainer"
    (inner / "src").mkdir(parents=True)
    (inner / "pyproject.toml").write_text(HEAD + 'select = ["PFL501"]\nmin_severity = "info"\n')
    (tmp_path / "services" / "pyproject.toml").write_text("[project]\nname = 'plain'\n")
    assert _codes(settings, inner / "src" / "a.py") == {"PFL501"}
    assert settings.for_file(inner / "a.py").root == inner
    assert settings.for_file(inner / "a.py").min_severity is Severity.INFO
    assert "PFL101" in _codes(settings, tmp_path / "services" / "b.py")
    assert settings.for_file(tmp_path / "services" / "b.py").root == tmp_path


def test_the_command_line_beats_every_table(tmp_path: Path) -> None:
    given = {"select": ("PFL601",), "min_confidence": Confidence.PROVEN}
    settings = _settings(tmp_path, 'select = ["PFL1"]', **given)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "pyproject.toml").write_text(
        HEAD + 'ignore = ["PFL601"]\nmin_confidence = "possible"\n'
    )
    for place in (tmp_path / "a.py", tmp_path / "inner" / "a.py"):
        assert _codes(settings, place) == {"PFL601"}
        assert settings.for_file(place).min_confidence is Confidence.PROVEN


def test_files_are_excused_from_rules_whatever_is_selected(tmp_path: Path) -> None:
    table = '[tool.perflint.lints.per_file_ignores]\n"tests/**" = ["PFL1"]\n"!src/**" = ["PFL5"]\n'
    settings = _settings(tmp_path, table, select=("PFL101", "PFL501"))
    assert _codes(settings, tmp_path / "tests" / "deep" / "a.py") == set()
    assert _codes(settings, tmp_path / "src" / "a.py") == {"PFL101", "PFL501"}
    assert _codes(settings, tmp_path / "tools" / "a.py") == {"PFL101"}


def test_overrides_change_any_key_for_the_files_that_they_name(tmp_path: Path) -> None:
    table = """\
ignore = ["PFL601"]
[[tool.perflint.lints.overrides]]
files = ["legacy/**", "old_*.py"]
extend-select = ["PFL601"]
ignore = ["PFL101"]
torch-version = "1.9"
[[tool.perflint.lints.overrides]]
files = ["legacy/new/**"]
select = ["PFL2"]
"""
    settings = _settings(tmp_path, table)
    legacy, newer = tmp_path / "legacy" / "a.py", tmp_path / "legacy" / "new" / "a.py"
    assert "PFL601" in _codes(settings, legacy)
    assert "PFL101" not in _codes(settings, tmp_path / "old_a.py")
    assert settings.for_file(legacy).torch_version == "1.9"
    assert "PFL201" in _codes(settings, newer)
    assert all(code.startswith("PFL2") for code in _codes(settings, newer))
    assert settings.for_file(newer).torch_version == "1.9"
    assert "PFL601" not in _codes(settings, tmp_path / "a.py")
    assert _codes(_settings(tmp_path, table, select=("PFL102",)), legacy) == {"PFL102"}


def test_a_nearer_table_may_exclude_files(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "pyproject.toml").write_text(HEAD + 'exclude = ["gen"]\n')
    assert settings.excludes(tmp_path / "inner" / "gen" / "a.py")
    assert not settings.excludes(tmp_path / "gen" / "a.py")


def test_a_file_beside_the_project_has_its_own_table_or_ours(tmp_path: Path) -> None:
    here, beside, bare = (tmp_path / name for name in ("here", "beside", "bare"))
    for folder in (here, beside, bare):
        folder.mkdir()
    (beside / "pyproject.toml").write_text(HEAD + 'select = ["PFL5"]\n')
    settings = _settings(here, 'select = ["PFL1"]')
    found = _codes(settings, beside / "a.py")
    assert "PFL501" in found
    assert all(code.startswith("PFL5") for code in found)
    assert settings.for_file(bare / "a.py").select == ("PFL1",)


def test_a_mistake_in_a_nearer_table_is_named_with_its_file(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "pyproject.toml").write_text(HEAD + "selct = []\n")
    with pytest.raises(PerflintError, match=r"inner.pyproject.toml.*nearest is 'select'"):
        settings.for_file(tmp_path / "inner" / "a.py")


def test_thousands_of_files_cost_one_look_per_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(tmp_path)
    (tmp_path / "pkg").mkdir()
    reads: list[object] = []
    true_open = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda self: reads.append(self) or true_open(self))
    found = {id(settings.for_file(tmp_path / "pkg" / f"{n}.py")) for n in range(3000)}
    assert len(found) == 1
    assert len(reads) <= 1


def test_files_that_are_judged_alike_share_one_object(tmp_path: Path) -> None:
    table = '[tool.perflint.lints.per_file_ignores]\n"tests/**" = ["PFL1"]\n'
    settings = _settings(tmp_path, table)
    first, second = (settings.for_file(tmp_path / "tests" / name) for name in ("a.py", "b.py"))
    assert first is second
    assert first is not settings.for_file(tmp_path / "a.py")


@pytest.mark.parametrize(
    ("path", "glob", "does"),
    [
        ("a/b/test_x.py", "test_*.py", True),
        ("a/b/x.py", "a", True),
        ("a/b/x.py", "a/*.py", False),
        ("a/b/x.py", "a/**/*.py", True),
        ("a/x.py", "a/**/*.py", True),
        ("a/x.py", "!a/**", False),
        ("b/x.py", "!a/**", True),
    ],
)
def test_globs_fit_names_at_any_depth_and_paths_from_the_table(
    path: str, glob: str, does: bool
) -> None:
    assert fits(path.replace("/", os.sep), [glob]) is does


def test_a_finding_fails_by_what_holds_for_its_file(tmp_path: Path) -> None:
    table = """\
[[tool.perflint.lints.overrides]]
files = ["old/**"]
fail_on = "never"
[[tool.perflint.lints.overrides]]
files = ["new/**"]
fail_on = "error"
"""
    (tmp_path / "pyproject.toml").write_text(HEAD + table)
    config = load_config(tmp_path)
    item = Finding("a.py", Span(1, 0, 1, 1), "PFL101", "item-in-hot-path", "x")
    for path, fails in (("a.py", True), ("old/a.py", False), ("new/a.py", False)):
        assert any_fails([replace(item, path=path)], tmp_path, config) is fails
    worse = replace(item, path="new/a.py", severity=Severity.ERROR)
    assert any_fails([worse], tmp_path, config)
    assert not any_fails([], tmp_path, config)


def test_what_is_excused_stays_so_for_a_config_made_by_hand(tmp_path: Path) -> None:
    config = LintConfig(per_file_ignores=(("*.py", ("ALL",)),), root=tmp_path)
    assert _codes(Settings(config), tmp_path / "a.py") == set()


def test_what_only_some_need_is_not_waited_for(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom torch_perflint.lints import config\n"
        "import torch_perflint.lints.settings, torch_perflint.lints.baseline\n"
        "config.load_config(Path.cwd())\n"
        "print(*sorted({'libcst', 'tomllib', 'json', 'difflib'} & set(sys.modules)))"
    )

    def awake() -> str:
        return subprocess.check_output([sys.executable, "-c", code], text=True, cwd=tmp_path)

    assert awake() == "\n"
    (tmp_path / "pyproject.toml").write_text(HEAD)
    assert awake() == "tomllib\n"
