"""A project is more than its files: calls across files, the cache, several processes."""

import gc
import random
import subprocess
import sys
import weakref
from itertools import pairwise
from pathlib import Path

import pytest
from torch_perflint.lints import crew
from torch_perflint.lints.again import FOLDER
from torch_perflint.lints.cache import _load
from torch_perflint.lints.check import CheckResult, check_paths
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.modules import Modules
from torch_perflint.lints.project import Project
from torch_perflint.lints.work import Effort

from .corpora import write_examples

TRAIN = """\
import torch
from helpers.meters import report

for x, y in loader:
    loss = criterion(model(x.cuda()), y)
    loss.backward()
    optimizer.step()
    report(loss.detach())
"""
METERS = """\
import torch

def report(value):
    print(value.item())

def unused(value):
    print(value.item())
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.perflint.lints]\n")
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "__init__.py").write_text("")
    (tmp_path / "helpers" / "meters.py").write_text(METERS)
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


def _check(root: Path, *paths: str, effort: Effort | None = None) -> CheckResult:
    config = LintConfig(root=root)
    return check_paths(root, [Path(p) for p in paths or (".",)], config, None, effort or Effort())


def _said(result: CheckResult) -> list[tuple[str, int, str]]:
    return [(f.path, f.span.line, f.code) for f in result.findings]


def test_what_a_step_loop_calls_in_another_file_is_hot_and_the_chain_is_named(
    project: Path,
) -> None:
    result = _check(project)
    assert _said(result) == [("helpers/meters.py", 4, "PFL101")]
    assert result.findings[0].why == "`report` is called in every step: train.py:8"


def test_a_file_checked_alone_knows_who_calls_it(project: Path) -> None:
    assert _said(_check(project, "helpers/meters.py")) == [("helpers/meters.py", 4, "PFL101")]


def test_without_the_call_nothing_is_hot(project: Path) -> None:
    (project / "train.py").write_text(TRAIN.replace("report(loss.detach())", "pass"))
    assert _said(_check(project)) == []


def _chain(root: Path, files: int) -> list[str]:
    """Write a loop, and files each of which calls the next; the last one waits for the device."""
    names = [f"part{number}" for number in range(files)]
    (root / "train.py").write_text(TRAIN.replace("helpers.meters", names[0]))
    for name, following in pairwise(names):
        further = f"from {following} import report as next_report\n"
        own = "def report(value):\n    own(value)\ndef own(value):\n    next_report(value)\n"
        (root / f"{name}.py").write_text(f"import torch  # forward\n{further}{own}")
    (root / f"{names[-1]}.py").write_text(METERS)
    return names


@pytest.mark.parametrize(("files", "found"), [(1, True), (2, True), (3, True), (4, False)])
def test_a_chain_of_calls_is_followed_through_a_few_files(
    project: Path, files: int, found: bool
) -> None:
    names = _chain(project, files)
    expected = [(f"{names[-1]}.py", 4, "PFL101")] if found else []
    assert _said(_check(project)) == expected
    assert _said(_check(project, f"{names[-1]}.py")) == expected


def test_a_cached_run_finds_the_same_and_follows_every_change(project: Path) -> None:
    effort = Effort(cache=project / ".cache")
    first = _check(project, effort=effort)
    assert _check(project, effort=effort) == first
    (project / "train.py").write_text("\n" + TRAIN)
    assert _check(project, effort=effort).findings[0].why.endswith("train.py:9")
    (project / "train.py").write_text(TRAIN.replace("    report(", "    # report("))
    assert _said(_check(project, effort=effort)) == []


def test_a_file_that_is_taken_back_to_what_it_was_has_its_findings_again(project: Path) -> None:
    effort = Effort(cache=project / ".cache")
    first = _check(project, effort=effort)
    assert first.findings
    for name, text in (("helpers/meters.py", METERS), ("train.py", TRAIN)):
        (project / name).write_text("import torch\n")
        assert _said(_check(project, effort=effort)) == []
        (project / name).write_text(text)
        assert _check(project, effort=effort) == first
        (project / name).unlink()
        assert _said(_check(project, effort=effort)) == []
        (project / name).write_text(text)
        assert _check(project, effort=effort) == first


def test_findings_stay_however_many_settings_take_turns(project: Path) -> None:
    effort = Effort(cache=project / ".cache")
    for _ in range(2):
        for code in ("PFL1", "PFL10", "PFL101", "PFL101", "PFL", "PFL2"):
            config = LintConfig(root=project, select=(code,))
            found = check_paths(project, [Path()], config, None, effort)
            assert bool(found.findings) == (code != "PFL2")


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "empty"])
def test_a_damaged_cache_is_left_aside(project: Path, damage: str) -> None:
    effort = Effort(cache=project / ".cache")
    first = _check(project, effort=effort)
    [kept] = (file for file in (project / ".cache").iterdir() if file.name.startswith("lints-"))
    raw = kept.read_bytes()
    kept.write_bytes(
        {
            "cut": raw[: len(raw) // 2],
            "flipped": raw[:30] + bytes([raw[30] ^ 255]) + raw[31:],
            "foreign": b"not ours at all",
            "empty": b"",
        }[damage]
    )
    assert _check(project, effort=effort) == first


def test_two_runs_at_once_find_the_same_and_leave_a_cache_that_can_be_read(tmp_path: Path) -> None:
    write_examples(tmp_path / "project")
    words = [sys.executable, "-m", "torch_perflint", "check", "--output-format", "concise"]

    def begun(*more: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*words, *more], cwd=tmp_path / "project", stdout=subprocess.PIPE)

    at_once = [begun() for _ in range(2)]
    said = [process.communicate()[0] for process in at_once]
    assert len(said[0].splitlines()) > 100
    assert said[0] == said[1] == begun("--no-cache").communicate()[0]
    folder = tmp_path / "project" / FOLDER
    left = {path.name.partition("-")[0] for path in folder.iterdir()}
    assert left <= {"lints", "again", ".gitignore"}
    [kept] = folder.glob("lints-*")
    files, whole = _load(kept)
    assert len(files) > 100 and whole
    assert begun().communicate()[0] == said[0]


def test_a_cache_that_is_damaged_anywhere_is_left_aside(project: Path) -> None:
    effort = Effort(cache=project / ".cache")
    first = _check(project, effort=effort)
    [kept] = (project / ".cache").glob("lints-*")
    raw = kept.read_bytes()
    rng = random.Random(0)
    for _ in range(40):
        at = rng.randrange(len(raw))
        damaged = rng.choice(
            (
                raw[:at],
                raw[:at] + bytes([raw[at] ^ rng.randrange(1, 256)]) + raw[at + 1 :],
                raw[:at] + rng.randbytes(9) + raw[at:],
                raw[at:],
            )
        )
        kept.write_bytes(damaged)
        assert _check(project, effort=effort) == first
        assert kept.read_bytes() != damaged or damaged == raw


def test_several_processes_find_the_same(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "_WORTH_SHARING", 1)
    alone = _check(project)
    assert alone.findings
    assert _check(project, effort=Effort(processes=2)) == alone


def test_every_statement_shown_to_every_rule_finds_the_same(project: Path) -> None:
    assert _check(project, effort=Effort(shortcuts=False)) == _check(project)


def test_imports_are_found_from_the_folder_of_whoever_imports() -> None:
    modules = Modules(["a/utils.py", "b/utils.py", "a/train.py", "src/pkg/core.py", "pkg2/x/y.py"])
    assert modules.find("a/train.py", "utils.f") == ("a/utils.py", "f")
    assert modules.find("b/z.py", "utils.f") == ("b/utils.py", "f")
    assert modules.find("c/z.py", "utils.f") is None
    assert modules.find("main.py", "pkg.core.C.m") == ("src/pkg/core.py", "C.m")
    assert modules.find("pkg2/x/z.py", ".y.f") == ("pkg2/x/y.py", "f")
    assert modules.find("pkg2/x/z.py", "...y.f") is None


def test_a_function_of_another_file_that_is_given_numbers_makes_its_tensor_on_the_host(
    project: Path,
) -> None:
    (project / "helpers" / "grids.py").write_text(
        "import torch\n"
        "def grid(height, width):\n"
        "    return torch.arange(height * width).view(height, width)\n"
        "def grid_there(height, width, device='cuda'):\n"
        "    return torch.arange(height * width, device=device).view(height, width)\n"
        "def read(path):\n"
        "    return torch.tensor(decode(path))\n"
    )
    (project / "train.py").write_text(
        "import torch\n"
        "from helpers.grids import grid, grid_there, read\n"
        "for x, y in loader:\n"
        "    places = grid(*x.shape[-2:]).cuda()\n"
        "    there = grid_there(*x.shape[-2:]).cuda()\n"
        "    other = grid(x, y).cuda()\n"
        "    table = read('table.csv').cuda()\n"
        "    criterion(model(x), y).backward()\n"
        "    optimizer.step()\n"
    )
    assert _said(_check(project)) == [("train.py", 4, "PFL802")]


def test_files_that_are_no_longer_held_are_freed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # Rooms know each other: without being taken apart they wait for the garbage collector.
    monkeypatch.setattr("torch_perflint.lints.project._HELD", 10)
    texts = {f"{name}.py": f"class {name.upper()}:\n    pass\n" for name in "abc"}
    asked = Project(list(texts), texts.get, trains=True)
    gc.disable()
    try:
        first = asked._facts("a.py")
        assert first is not None
        assert not first.regions.any_hot
        tree = weakref.ref(first.syntax.tree)
        del first
        asked._facts("b.py")
        assert tree() is not None  # whoever asked may not be done
        asked.let_go()
        assert tree() is None
    finally:
        gc.enable()
