"""Says how a run was measured, and the command that repeats its interesting tests."""

from collections.abc import Sequence
from shlex import quote

from ..runners.result import TestResult
from ..runners.verdict.compare import Verdict
from . import numbers
from .markdown import block, code, inert
from .report import Report


def reproduce(report: Report, shown: Sequence[TestResult]) -> str | None:
    """The command line, as a block, that runs what is worth another look; None where nothing is."""
    worth = (Verdict.FAILED, Verdict.SLOWER, Verdict.UNSURE)
    tests = [t for t in shown if t.verdict in worth or t.over_budget]
    if not tests:
        return None
    base, head = report.base, report.head
    words = ["perflint", "ci", "--base", inert(base.sha[:12], 12)]
    words += [] if head.snapshot else ["--head", inert(head.sha[:12], 12)]
    words += ["-k", _expression(tests)]
    return block(" ".join(map(quote, words)), language="bash", columns=500)


def digits(number: int) -> str:
    """As it is, to be copied; as code where GitHub would take it for the hash of a commit."""
    return str(number) if abs(number) < 1_000_000 else code(str(number))


def _expression(tests: Sequence[TestResult]) -> str:
    """Name the functions of the first three tests, as pytest's -k wants them.

    Classes and parameters stay out: `::`, brackets and what parameters are made of are not words of
    that language. It may run a few tests more, never fewer.
    """
    functions = [result.test.name.split("[", 1)[0].rsplit("::", 1)[-1] for result in tests]
    return " or ".join(inert(name, 120) for name in list(dict.fromkeys(functions))[:3])


def method(timed: Sequence[TestResult], seed: int) -> dict[str, str] | None:
    """How many turns, rebuilds and launches there were; None where nothing was timed."""
    if not timed:
        return None
    at = [result.comparison for result in timed if result.comparison]
    return {
        "pairs": numbers.between([c.pairs for c in at]),
        "segments": numbers.between([c.segments for c in at]),
        "launches": numbers.between([c.launches for c in at]),
        "effects": numbers.between([round(result.test.min_effect * 100, 1) for result in timed]),
        "seed": digits(seed),
    }
