"""Outcomes that tests of output are made from."""

from collections.abc import Mapping
from pathlib import Path

from torch_perflint.lints.check import CheckResult
from torch_perflint.lints.finding import Confidence, Edit, Finding, Severity, Span
from torch_perflint.lints.outcome import Outcome, Suppressed
from torch_perflint.lints.sources import lines_below

TRAIN = """\
for x, y in loader:
    loss = criterion(model(x), y)
    total += loss
    print("損失 🔥", loss.item())
"""
ITEM = Finding(
    "src/train.py",
    Span(4, 18, 4, 29),
    "PFL101",
    "item-in-hot-path",
    "`.item()` waits for the device in every step",
    why="in the step loop of line 1",
)
KEPT = Finding(
    "src/train.py",
    Span(3, 13, 3, 17),
    "PFL601",
    "graph-retention",
    "the graph of every step is kept",
    Severity.ERROR,
    Confidence.POSSIBLE,
    fix=Edit(Span(3, 13, 3, 17), "loss.detach()", safe=True),
)


def outcome(
    *findings: Finding,
    root: Path = Path("/project"),
    problems: tuple[str, ...] = (),
    texts: Mapping[str, str] | None = None,
    coloured: bool = False,
    suppressed: tuple[Suppressed, ...] = (),
) -> Outcome:
    """What a check of `src/train.py` could have come to."""
    source_of = lines_below(root, {"src/train.py": TRAIN, **(texts or {})})
    return Outcome(CheckResult(findings, problems, 2), root, source_of, coloured, suppressed)
