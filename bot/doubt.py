"""Says in words why a timed test has no verdict, as far as the numbers tell. Pure."""

import math

from ..runners.result import TestResult
from ..runners.verdict.compare import Comparison
from . import numbers

# Those of `runners.verdict.judge.Thresholds`, which needs numpy; a test holds them together.
LAUNCHES = 3
LARGE_EFFECT = 2.5
SAME_WITHIN = 1.5


def doubt(result: TestResult, at: Comparison, *, stopped: bool) -> str:
    """What stands between the change that was measured and a verdict; text of our own alone.

    `stopped` says that the user ended the run. The conditions are those of `runners.verdict.judge`:
    an estimate beyond the smallest effect that matters, evidence against chance that is stricter
    than the 95 % interval, and fresh processes that agree.
    """
    short = f"95% interval {numbers.interval(at.low, at.high)}"
    interval = f"the {short}"
    if at.spoiled:
        return f"something spoiled the numbers, so that {interval} does not hold"
    if at.low <= 0 <= at.high:
        return f"{interval} includes zero"
    matters = result.test.min_effect
    if _log_ratio(at) <= math.log1p(matters):
        return (
            f"that is less than the {matters * 100:.1f}% that matters here, and {interval} does "
            "not rule out more"
        )
    if at.launches < _needed(result, at) and not _are_apart(result):
        again = "fresh processes" if at.launches < 2 else "a third launch of fresh processes"
        if stopped:
            return f"the run was stopped before {again} could confirm it ({short})"
        no = "no fresh processes have" if at.launches < 2 else "no third launch of processes has"
        return f"{no} confirmed it ({short})"
    if any(text.startswith("fresh processes did not confirm") for text in at.warnings):
        return f"fresh processes did not confirm it ({short})"
    return f"a verdict needs more certainty than {interval} has"


def _needed(result: TestResult, at: Comparison) -> int:
    """How many launches have to agree on a difference of this size."""
    matters = math.log1p(SAME_WITHIN * result.test.min_effect)
    return 2 if _log_ratio(at) > LARGE_EFFECT * matters else LAUNCHES


def _log_ratio(at: Comparison) -> float:
    """How far the sides are apart; a stranger's report may state a change that none can have."""
    return abs(math.log1p(at.change)) if at.change > -1 else math.inf


def _are_apart(result: TestResult) -> bool:
    """Whether each side was measured in processes of its own, fresh ones for each segment."""
    return any(segment.apart for segment in result.segments)
