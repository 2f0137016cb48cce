"""What a project says of its hardware and of its PyTorch decides which rules concern it."""

from pathlib import Path

import pytest
from torch_perflint.lints.check import check_paths, check_text
from torch_perflint.lints.config import LintConfig, load_config
from torch_perflint.lints.engine import check_source
from torch_perflint.lints.facts import Facts
from torch_perflint.lints.pages import page
from torch_perflint.lints.registry import all_rules, find
from torch_perflint.lints.selection import chosen
from torch_perflint.lints.sync_rule import SyncRule
from torch_perflint.lints.terms import Terms
from torch_perflint.lints.work import Effort

STEP = """\
import torch
for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    total += loss.item()
"""
LOADER = "import torch\nfrom torch.utils.data import DataLoader\nloader = DataLoader(data)\n" + (
    STEP.replace("import torch\n", "").replace("    total += loss.item()\n", "")
)


RULES = [rule for rule in all_rules() if rule.code in ("PFL101", "PFL102", "PFL115", "PFL122")]
ALLOWED = """\
import torch
from own.cuda import {manager}
{before}for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    {line}
"""


def _codes(**keys: object) -> set[str]:
    return {rule.code for rule in chosen(all_rules(), LintConfig(**keys))}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("version", "runs"),
    [(None, True), ("1.13", False), ("1.13.1", False), ("2", True), ("2.0", True), ("2.10", True)],
)
def test_a_rule_whose_advice_an_older_torch_lacks_is_silent(
    version: str | None, runs: bool
) -> None:
    assert ("PFL401" in _codes(torch_version=version, preview=True)) is runs
    named = _codes(torch_version=version, preview=True, select=("PFL401",))
    assert ("PFL401" in named) is runs
    assert "PFL101" in _codes(torch_version=version)


def test_a_page_says_from_which_torch_on_its_rule_speaks() -> None:
    assert "From PyTorch 2.4 on." in page(find(all_rules(), "PFL303"))
    assert "From PyTorch" not in page(find(all_rules(), "PFL101"))


def test_without_an_accelerator_what_matters_only_there_is_silent() -> None:
    left = _codes(accelerator="none", preview=True)
    assert not left & {rule.code for rule in all_rules() if issubclass(rule, SyncRule)}
    assert not left & {"PFL203", "PFL602", "PFL705", "PFL802"}
    assert {"PFL201", "PFL404", "PFL601", "PFL605"} <= left
    assert _codes(accelerator="cuda") == _codes()


def test_what_is_said_of_the_accelerator_beats_what_the_code_says() -> None:
    for accelerator, used in [("auto", False), ("cuda", True), ("none", False)]:
        assert Facts(STEP, "t.py", terms=Terms(accelerator=accelerator)).uses_accelerator is used
    speaking = STEP + "model.cuda()\n"
    for accelerator, used in [("auto", True), ("none", False)]:
        facts = Facts(speaking, "t.py", terms=Terms(accelerator=accelerator))
        assert facts.uses_accelerator is used
    assert Facts(speaking, "t.py", terms=Terms(accelerator="none")).runs_on_host
    program = (
        "import torch\nclass Net(torch.nn.Module): pass\nopt = torch.optim.SGD(Net().parameters())"
    )
    assert Facts(program, "t.py").runs_on_host
    assert not Facts(program, "t.py", terms=Terms(accelerator="cuda")).runs_on_host


@pytest.mark.parametrize(
    ("source", "key", "codes"),
    [
        (LOADER, {}, set()),
        (LOADER, {"accelerator": "cuda"}, {"PFL201", "PFL202"}),
        (STEP, {}, {"PFL101"}),
        (STEP, {"accelerator": "none"}, set()),
    ],
)
def test_a_check_goes_by_what_the_table_says(
    tmp_path: Path, source: str, key: dict[str, str], codes: set[str]
) -> None:
    (tmp_path / "train.py").write_text(source)
    effort = Effort(cache=tmp_path / "cache")
    usual = LintConfig(root=tmp_path)
    check_paths(tmp_path, [Path("train.py")], usual, effort=effort)  # fills the cache
    config = LintConfig(root=tmp_path, **key)  # type: ignore[arg-type]
    for result in (
        check_paths(tmp_path, [Path("train.py")], config, effort=effort),
        check_text(tmp_path, "train.py", source, config),
    ):
        assert {finding.code for finding in result.findings} == codes


def _waits(line: str, before: str = "", manager: str = "gpu_sync_allowed", **terms: object) -> bool:
    source = ALLOWED.format(manager=manager, before=before, line=line)
    found = check_source(source, "train.py", RULES, Terms(**terms))  # type: ignore[arg-type]
    return bool(found)


SHOWN = "def show(loss):\n    print(loss.item())\n"


@pytest.mark.parametrize(
    ("line", "before"),
    [
        ("with gpu_sync_allowed():\n        print(loss.item())", ""),
        ("with lock, gpu_sync_allowed('why'):\n        torch.cuda.synchronize()", ""),
        ("with gpu_sync_allowed():\n        show(loss)", SHOWN),
        ("show(loss)", f"@gpu_sync_allowed()\n{SHOWN}"),
        ("with gpu_sync_allowed():\n        print([loss.item(), float(loss), int(loss)])", ""),
    ],
)
def test_in_the_body_of_a_manager_that_allows_it_the_host_may_wait(line: str, before: str) -> None:
    assert not _waits(line, before)
    assert _waits(line, before, sync_allowed=("other",))


@pytest.mark.parametrize(
    ("line", "before"),
    [
        ("with gpu_sync_allowed():\n        pass\n    print(loss.item())", ""),
        ("with gpu_sync_allowed(loss.item()):\n        pass", ""),
        ("with gpu_sync_allowed():\n        show(loss)\n    show(loss)", SHOWN),
        ("with torch.enable_grad():\n        print(loss.item())", ""),
    ],
)
def test_outside_of_such_a_body_it_may_not(line: str, before: str) -> None:
    assert _waits(line, before)


@pytest.mark.parametrize("allowed", ["sync_ok", "own.cuda.sync_ok"])
def test_a_manager_is_named_by_its_last_name_or_in_full(allowed: str) -> None:
    line = "with ok():\n        print(loss.item())"
    assert not _waits(line, manager="sync_ok as ok", sync_allowed=(allowed,))
    assert _waits(line, manager="sync_ok as ok", sync_allowed=("another.sync_ok",))
    assert _waits(line, manager="sync_ok as ok", sync_allowed=())


def test_what_is_retained_in_such_a_body_is_no_matter_of_waiting() -> None:
    line = "with gpu_sync_allowed():\n        total += loss"
    source = ALLOWED.format(manager="gpu_sync_allowed", before="total = 0\n", line=line)
    found = check_source(source, "train.py", [find(all_rules(), "PFL601")])
    assert [finding.code for finding in found] == ["PFL601"]


def test_a_table_names_the_managers_of_a_project(tmp_path: Path) -> None:
    line = "with sync_ok():\n        print(loss.item())"
    (tmp_path / "train.py").write_text(ALLOWED.format(manager="sync_ok", before="", line=line))
    for table, found in [("", 1), ("sync_allowed = ['sync_ok']\n", 0)]:
        (tmp_path / "pyproject.toml").write_text(f"[tool.perflint.lints]\n{table}")
        result = check_paths(tmp_path, [tmp_path], load_config(tmp_path), None, Effort())
        assert len(result.findings) == found
