"""What holds for any code: on the rules' examples, on installed packages, and on damaged files."""

import ast
import os
import random
import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from torch_perflint.lints.check import CheckResult, check_paths
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.files import python_files
from torch_perflint.lints.fix import Wanted
from torch_perflint.lints.fixing import any_fix, safe_only
from torch_perflint.lints.work import Effort

from .corpora import DEMO, HEALTHY, all_of, copy_installed, examples, mended, write_examples

# Folders to look at as well, as in a path list; without any, all of an installed torch.
GIVEN = [Path(path) for path in os.environ.get("PERFLINT_CORPORA", "").split(os.pathsep) if path]
HOSTILE = (
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\x0c", b"\r", b"\r\n", b"\t", b" ", b"\\\n", b'"""', b"'"),
    *(b"(" * 300, b"#", b"\n\n", b":", b"lambda: ", b"await ", b"match x:\n", b"\xe2\x80\xa8"),
    *(
        b"# perflint: ignore[",
        b"# perflint: off\n",
        b"# coding: utf-16\n",
        b"f'{",
        b"*",
        b"-" * 999,
    ),
)
Change = Callable[[random.Random, list[bytes]], None]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    write_examples(tmp_path / "examples")
    shutil.copytree(DEMO, tmp_path / "demo")
    return tmp_path


@pytest.fixture
def big(tmp_path: Path) -> Path:
    write_examples(tmp_path / "examples")
    for number, folder in enumerate(GIVEN):
        shutil.copytree(folder, tmp_path / str(number), symlinks=True)
    if not GIVEN:
        copy_installed(tmp_path, ".")
    return tmp_path


def _unread(root: Path) -> set[Path]:
    """Return the files that are no Python before anything is fixed."""
    return {path for path in python_files([root], (), root) if not _parses(path)}


def _parses(path: Path) -> bool:
    if path.suffix == ".ipynb":
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _holds(root: Path, wanted: Wanted, least: int) -> None:
    unread = _unread(root)
    applied, problems = mended(root, wanted)
    assert problems == []
    assert _unread(root) == unread
    assert len(applied) >= least, "too little was fixed to prove anything"
    assert mended(root, wanted) == ({}, [])


@pytest.mark.parametrize("wanted", [safe_only, any_fix])
def test_fixed_files_are_python_and_a_second_run_changes_nothing(
    small: Path, wanted: Wanted
) -> None:
    if wanted is any_fix:
        copy_installed(small, "nn/modules")
    _holds(small, wanted, 6 if wanted is safe_only else 14)


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [safe_only, any_fix])
def test_fixed_files_of_many_packages_are_python_and_a_second_run_changes_nothing(
    big: Path, wanted: Wanted
) -> None:
    _holds(big, wanted, 6 if wanted is safe_only else 14)


def _in_full(root: Path) -> tuple[CheckResult, CheckResult]:
    """Check a folder with the shortcuts and without."""
    fast = check_paths(root, [root], all_of(root), None, Effort(processes=2))
    return fast, check_paths(root, [root], all_of(root), None, Effort(processes=2, shortcuts=False))


def test_every_statement_of_every_file_shown_to_every_rule_finds_the_same(tmp_path: Path) -> None:
    write_examples(tmp_path / "examples")
    copy_installed(tmp_path, "utils/data", "nn/parallel", "nn/utils")
    fast, full = _in_full(tmp_path)
    assert len({finding.code for finding in fast.findings}) > 60
    assert fast == full


@pytest.mark.slow
def test_every_statement_of_many_packages_shown_to_every_rule_finds_the_same(big: Path) -> None:
    fast, full = _in_full(big)
    assert fast == full


def _take_out(rng: random.Random, parts: list[bytes]) -> None:
    at = rng.randrange(len(parts))
    del parts[at : at + rng.choice((1, 1, 2, 9))]


def _double(rng: random.Random, parts: list[bytes]) -> None:
    at = rng.randrange(len(parts))
    parts[at:at] = parts[at : at + rng.choice((1, 2, 9))] * rng.choice((1, 1, 3))


def _swap(rng: random.Random, parts: list[bytes]) -> None:
    one, other = rng.randrange(len(parts)), rng.randrange(len(parts))
    parts[one], parts[other] = parts[other], parts[one]


def _put_in(rng: random.Random, parts: list[bytes]) -> None:
    parts.insert(rng.randrange(len(parts)), rng.choice(HOSTILE))


def _damaged(rng: random.Random, raw: bytes) -> bytes:
    """Change a text in one to three places, in its lines, its words or its bytes."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        pattern = rng.choice((rb"(?<=\n)", rb"(\W)", rb"(\W)", rb"(?s:(?<=.))"))
        parts = [part for part in re.split(pattern, raw) if part]
        change: Change = rng.choice((_take_out, _double, _swap, _put_in))
        if parts:
            change(rng, parts)
        raw = b"".join(parts)
    return raw


def _write_damaged(root: Path, seed: int, count: int) -> None:
    rng = random.Random(seed)
    texts = [code.encode() for _, code in examples()]
    texts += [path.read_bytes() for path in sorted(DEMO.rglob("*.py"))]
    for number in range(count):
        (root / f"damaged_{number}.py").write_bytes(_damaged(rng, rng.choice(texts)))


def _healthy(result: CheckResult) -> list[tuple[str, int, str]]:
    return [(f.path, f.span.line, f.code) for f in result.findings if f.path.startswith("healthy/")]


def _stands_damage(root: Path, seed: int, count: int) -> None:
    for name, text in HEALTHY.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    config: LintConfig = all_of(root)
    alone = _healthy(check_paths(root, [root], config))
    assert {path for path, _, _ in alone} == set(HEALTHY)
    _write_damaged(root, seed, count)
    result = check_paths(root, [root], config)
    assert _healthy(result) == alone
    assert result.files == count + len(HEALTHY)
    assert [problem for problem in result.problems if "bug" in problem] == []
    # Of a file that libcst cannot read as a whole, the shortcuts may still show some rules a part.
    full = check_paths(root, [root], config, None, Effort(shortcuts=False))
    unread = {problem.partition(":")[0] for problem in full.problems}
    assert [finding for finding in result.findings if finding.path not in unread] == [
        finding for finding in full.findings if finding.path not in unread
    ]
    assert {problem.partition(":")[0] for problem in result.problems} <= unread
    assert mended(root, any_fix)[1] == []
    assert mended(root, any_fix) == ({}, [])


@pytest.mark.parametrize("seed", range(2))
def test_damaged_files_cost_no_other_file_its_findings(tmp_path: Path, seed: int) -> None:
    _stands_damage(tmp_path, seed, 60)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 112))
def test_many_damaged_files_cost_no_other_file_its_findings(tmp_path: Path, seed: int) -> None:
    _stands_damage(tmp_path, seed, 250)
