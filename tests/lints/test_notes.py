"""Waits in guarded places and in evaluation are notes: told to those who ask, and why."""

from pathlib import Path
from textwrap import dedent

import pytest
from torch_perflint.lints.check import check_paths, check_text
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.engine import check_source, lint_source
from torch_perflint.lints.finding import Finding, Severity
from torch_perflint.lints.registry import all_rules
from torch_perflint.lints.terms import Terms
from torch_perflint.lints.work import Effort

ASKED = Terms(notes=True)
STEP = """\
import torch
for step, (x, y) in enumerate(loader):
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
"""


def _notes(source: str) -> list[Finding]:
    found = check_source(dedent(source), "train.py", all_rules(), ASKED)
    return [finding for finding in found if finding.severity is Severity.INFO]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("step % 100 == 0", "every n-th step"),
        ("step % args.logging_steps == 0", "every n-th step"),
        ("should_log()", "every n-th step"),
        ("time.time() - last > 30", "every n-th step"),
        ("args.verbose", "in debug runs"),
        ("step == 0", "in single steps"),
        ("is_final_step", "in single steps"),
        ("interrupted", "in single steps"),
        ("self.should_stop", "in single steps"),
        ("not logged", "in single steps"),
        ("not model.training", "in evaluation"),
    ],
)
def test_a_guarded_wait_is_a_note_that_says_how_often(condition: str, said: str) -> None:
    source = f"{STEP}    if {condition}:\n        print(loss.item())\n"
    [note] = _notes(source)
    assert note.message == f"`.item()` waits for the device {said}"
    assert note.why == "in the step loop of line 2"
    assert check_source(source, "train.py", all_rules()) == []


@pytest.mark.parametrize("condition", ["rank == 0", "step % 1 == 0", "accelerator.sync_gradients"])
def test_what_is_no_guard_stays_a_warning(condition: str) -> None:
    source = f"{STEP}    if {condition}:\n        print(loss.item())\n"
    for asked in (ASKED, Terms()):
        [finding] = check_source(source, "train.py", all_rules(), asked)
        assert (finding.code, finding.severity) == ("PFL101", Severity.WARNING)


@pytest.mark.parametrize(
    "path",
    [
        "    if torch.isnan(loss).any():\n        print(loss.item())\n",
        "    if step % 10 == 0 and torch.isnan(loss).any():\n        print(loss.item())\n",
        "    if failed(x):\n        raise ValueError(loss.item())\n",
        "    try:\n        go()\n    except OSError:\n        print(loss.item())\n",
    ],
)
def test_error_paths_stay_silent(path: str) -> None:
    assert not [note for note in _notes(STEP + path) if note.code == "PFL101"]


def test_a_flag_that_a_branch_sets_for_good_lets_it_run_once() -> None:
    branch = "    if fresh:\n        print(loss.item())\n        fresh = False\n"
    [note] = _notes(STEP + branch)
    assert note.message.endswith("in single steps")
    # Taken back in every step, it guards nothing.
    [finding] = check_source(f"{STEP}    fresh = True\n{branch}", "train.py", all_rules())
    assert finding.severity is Severity.WARNING


def test_what_a_guarded_place_calls_is_a_note_too() -> None:
    [note] = _notes(
        STEP
        + "    if step % 50 == 0:\n        report(loss)\n"
        + "def report(loss):\n    print(loss.item())\n"
    )
    assert (note.span.line, note.why) == (9, "`report` is called at line 7")


@pytest.mark.parametrize(
    "head",
    [
        "def evaluate(model, loader):\n    for x, y in loader:\n",
        "@torch.no_grad()\ndef run(model, loader):\n    for x, y in loader:\n",
        "def run(model, loader):\n    model.eval()\n    for x, y in loader:\n",
        "def run(model):\n    for x, y in log.every(loader, 9):\n      with torch.no_grad():\n",
    ],
)
def test_waits_of_an_evaluation_loop_are_notes(head: str) -> None:
    source = f"import torch\n{head}        total += model(x.cuda()).sum().item()\n"
    notes = [note for note in _notes(source) if note.code == "PFL101"]
    assert [note.message for note in notes] == ["`.item()` waits for the device in evaluation"]
    assert "loop over batches of line" in (notes[0].why or "")


def test_a_loop_that_is_no_evaluation_is_not_spoken_of() -> None:
    head = "import torch\ndef sweep(model, loader):\n    for x, y in loader:\n"
    assert _notes(f"{head}        total += model(x.cuda()).sum().item()\n") == []
    once = "import torch\ndef evaluate(model, x):\n    return model(x.cuda()).sum().item()\n"
    assert _notes(once) == []


def test_hooks_of_evaluation_are_notes() -> None:
    [note] = _notes(
        """
        import torch
        from pytorch_lightning import LightningModule
        class Lit(LightningModule):
            def validation_step(self, batch, batch_idx):
                self.log("x", self(batch).mean().item())
        """
    )
    assert note.why == "the hook `validation_step` runs for each batch"


def test_tests_have_no_notes() -> None:
    source = f"{STEP}    if step % 100 == 0:\n        print(loss.item())\n"
    assert check_source(source, "tests/test_train.py", all_rules(), ASKED) == []


def test_every_statement_seen_or_only_some_the_notes_are_the_same() -> None:
    source = f"{STEP}    if step % 100 == 0:\n        print(loss.item(), f'{{loss}}', x[x > 0])\n"
    fast, full = (
        lint_source(source, "train.py", all_rules(), shortcuts=shortcuts, terms=ASKED).findings
        for shortcuts in (True, False)
    )
    assert fast == full
    assert len(fast) > 1


def test_notes_are_worked_out_only_where_they_would_be_shown(tmp_path: Path) -> None:
    source = f"{STEP}    if step % 100 == 0:\n        print(loss.item())\n"
    (tmp_path / "train.py").write_text(source)
    asking = LintConfig(root=tmp_path, min_severity=Severity.INFO)
    effort = Effort(cache=tmp_path / "cache")
    # In turn, so that the cache would give away one's answer to the other.
    for config, count in 2 * [(LintConfig(root=tmp_path), 0), (asking, 1)]:
        result = check_paths(tmp_path, [Path("train.py")], config, effort=effort)
        assert len(result.findings) == count
        assert len(check_text(tmp_path, "train.py", source, config).findings) == count
