"""An unchanged run is said again without being done again, and every change is noticed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from torch_perflint.__main__ import main
from torch_perflint.lints import again
from torch_perflint.lints.again import recall
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.looked_at import looked_at

LOOP = """\
import torch
from helpers import report

for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    report(loss)
"""
HELPERS = "import torch\n\ndef report(value):\n    print(value.item())\n"
TABLE = "[tool.perflint.lints]\n"
BASELINE = '[tool.perflint.lints]\nbaseline = "known.json"\n'
OWN_RULE = """\
from torch_perflint.lints.rule import Rule

class OwnRule(Rule):
    code = "OWN100"
    tokens = ("nothing of the kind",)
"""
ALL_OLD = "import torch_perflint.lints.again as again; again._SETTLED_AFTER_NS = -(10**18); "
RUN = (
    "import sys; from torch_perflint.__main__ import main; status = main(['check']); "
    "print(*sys.modules, file=sys.stderr); sys.exit(status)"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that is looked at as if its files had been there for long."""
    root = tmp_path / "above" / "project"
    (root / "src").mkdir(parents=True)
    (root / "old" / "lib").mkdir(parents=True)
    (root / "old" / "pyvenv.cfg").write_text("")
    (root / "old" / "lib" / "train.py").write_text(LOOP)
    (root / "src" / "train.py").write_text(LOOP)
    (root / "src" / "helpers.py").write_text(HELPERS)
    (root / "notes.txt").write_text("nothing of ours")
    monkeypatch.chdir(root)
    monkeypatch.setattr(again, "_SETTLED_AFTER_NS", -(10**18))
    return root


def _append(name: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text((root / name).read_text() + "\n# more\n")


def _write(name: str, text: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text(text)


def _change_in_secret(root: Path) -> None:
    """Write as many bytes, and set the time back."""
    file = root / "src" / "helpers.py"
    before = file.stat()
    file.write_text(HELPERS.replace("print(value.item())", "print('a', 'b', 12)"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def _new_folder(root: Path) -> None:
    (root / "src" / "more").mkdir()
    (root / "src" / "more" / "train.py").write_text(LOOP)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_append("src/train.py"), id="a file is changed"),
        pytest.param(_change_in_secret, id="a file is changed, of the same size and time"),
        pytest.param(_write("src/new.py", LOOP), id="a new file"),
        pytest.param(_new_folder, id="a new folder"),
        pytest.param(lambda root: (root / "src/helpers.py").unlink(), id="a file is gone"),
        pytest.param(
            lambda root: (root / "src").rename(root / "sources"), id="a folder is renamed"
        ),
        pytest.param(_write("pyproject.toml", TABLE), id="settings where there were none"),
        pytest.param(_write("src/pyproject.toml", TABLE), id="settings below"),
        pytest.param(_write("../pyproject.toml", TABLE), id="settings above"),
        pytest.param(_write("setup.py", ""), id="the folder becomes a project"),
        pytest.param(lambda root: (root / "old/pyvenv.cfg").unlink(), id="an environment no more"),
        pytest.param(
            lambda root: (root / "notes.txt").rename(root / "notes.py"), id="a file becomes Python"
        ),
    ],
)
def test_every_change_is_noticed(
    project: Path, change: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check"]) == 1
    said = capsys.readouterr().out
    assert recall([]) == 1
    assert capsys.readouterr().out == said
    change(project)
    assert recall([]) is None
    status = main(["check"])
    now = capsys.readouterr().out
    assert main(["check", "--no-cache"]) == status
    assert capsys.readouterr().out == now


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (TABLE, _write("pyproject.toml", '[tool.perflint.lints]\nignore = ["ALL"]\n')),
        (TABLE, lambda root: (root / "pyproject.toml").unlink()),
        (BASELINE, _write("known.json", '{"version": 1, "findings": []}')),
        (BASELINE, lambda root: (root / "known.json").unlink()),
        ('[tool.perflint.lints]\nlocal = ["venv.own"]\n', _append("venv/own.py")),
        ('[tool.perflint.lints]\nlocal = ["venv.own"]\n', _write("venv/beside.py", "")),
    ],
    ids=["settings", "no settings", "baseline", "no baseline", "own rule", "beside it"],
)
def test_changes_of_what_settings_name_are_noticed(
    project: Path, table: str, change: Callable[[Path], object]
) -> None:
    (project / "pyproject.toml").write_text(table)
    (project / "venv").mkdir()  # where no training code is looked for
    (project / "venv" / "own.py").write_text(OWN_RULE)
    if "baseline" in table:
        assert main(["check", "--write-baseline"]) == 0
    status = main(["check"])
    assert recall([]) == status != 2
    change(project)
    assert recall([]) is None


def test_a_change_elsewhere_in_the_project_is_noticed(project: Path) -> None:
    (project / "pyproject.toml").write_text(TABLE)
    (project / "other.py").write_text("import torch\n")
    main(["check", "src"])
    assert recall(["src"]) == 1
    _append("other.py")(project)
    assert recall(["src"]) is None


def test_a_link_that_leads_elsewhere_is_noticed(project: Path) -> None:
    for name, text in (("one", LOOP), ("two", "import torch\n")):
        (project / "venv" / name).mkdir(parents=True)
        (project / "venv" / name / "linked.py").write_text(text)
    (project / "venv" / "current").symlink_to("one")
    (project / "src" / "linked.py").symlink_to("../venv/current/linked.py")
    main(["check"])
    assert recall([]) == 1
    (project / "venv" / "current").unlink()
    (project / "venv" / "current").symlink_to("two")
    assert recall([]) is None


@pytest.mark.parametrize("how", ["words", "folder", "colour", "perflint", "python", "path"])
def test_another_situation_is_another_run(
    project: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_in = f"--cache-dir={project.parent / 'kept'}"
    main(["check", kept_in])
    assert recall([kept_in]) == 1
    match how:
        case "words":
            assert recall([kept_in, "--exit-zero"]) is None
        case "folder":
            monkeypatch.chdir(project / "src")
        case "colour":
            monkeypatch.setenv("FORCE_COLOR", "1")
        case "perflint":
            monkeypatch.setattr(again, "__version__", "0.0.0")
        case "python":
            monkeypatch.setattr(sys, "version", "another one")
        case "path":
            monkeypatch.setattr(sys, "path", [*sys.path, "elsewhere"])
    if how != "words":
        assert recall([kept_in]) is None


def test_perflint_itself_and_installed_packages_are_looked_at(project: Path) -> None:
    ours = Path(again.__file__).parent
    seen = set(looked_at([project], LintConfig(root=project)))
    for name in ("engine.py", "rules/item_in_hot_path.py", "outputs/text.py"):
        assert str(ours / name) in seen
    assert str(ours / "no_such_file.py") not in seen
    assert str(Path(pytest.__file__).parent.parent) in seen


def test_what_is_younger_than_the_run_is_not_relied_on(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "_SETTLED_AFTER_NS", 2_000_000_000)
    main(["check"])
    assert recall([]) is None
    monkeypatch.setattr(again, "_SETTLED_AFTER_NS", -(10**18))
    main(["check"])
    assert recall([]) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--no-cache"],
        ["--fix"],
        ["--fix", "--diff"],
        ["--output-file", "said.txt"],
        ["--output-format", "sarif"],
        ["--show-settings"],
        ["--write-baseline"],
        ["src/train.py"],
    ],
)
def test_only_plain_checks_of_folders_are_kept(project: Path, words: list[str]) -> None:
    (project / ".perflint_cache").mkdir()
    main(["check", *words])
    assert recall(words) is None


def test_a_run_with_a_problem_is_done_again(project: Path) -> None:
    (project / "src" / "broken.py").write_text("import torch\n(\n")
    assert main(["check"]) == 2
    assert recall([]) is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "empty"])
def test_a_damaged_record_is_left_aside(project: Path, damage: str) -> None:
    main(["check"])
    assert recall([]) == 1
    [kept] = (project / ".perflint_cache").glob("again-*")
    raw = kept.read_bytes()
    kept.write_bytes(
        {
            "cut": raw[: len(raw) // 2],
            "flipped": raw[:30] + bytes([raw[30] ^ 255]) + raw[31:],
            "foreign": b"not ours at all",
            "empty": b"",
        }[damage]
    )
    assert recall([]) is None
    assert main(["check"]) == 1
    assert recall([]) == 1


def test_a_record_of_another_situation_under_the_same_name_is_left_aside(project: Path) -> None:
    main(["check"])
    [kept] = (project / ".perflint_cache").glob("again-*")
    words = ["--exit-zero"]
    kept.rename(again.place_of(words, again.situation_of(words)))
    assert recall(words) is None


def test_old_records_are_forgotten(project: Path) -> None:
    for number in range(10):
        main(["check", f"--jobs={number}"])
    assert len(list((project / ".perflint_cache").glob("again-*"))) == 8
    assert recall(["--jobs=9"]) == 1


def test_saying_it_again_wakes_hardly_anything(project: Path) -> None:
    first, second = (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        for code in (ALL_OLD + RUN, RUN)
    )
    assert (first.returncode, first.stdout) == (second.returncode, second.stdout)
    assert "src/helpers.py:4" in first.stdout
    heavy = {"argparse", "re", "typing", "dataclasses", "pathlib", "hashlib", "libcst"}
    assert heavy <= set(first.stderr.split())
    assert not heavy & set(second.stderr.split())
