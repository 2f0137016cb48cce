"""Says in words why a timed test has no verdict, as far as the numbers tell. Pure."""

import math

from ..runners.compare import Comparison
from ..runners.result import TestResult
from . import numbers


def doubt(result: TestResult, at: Comparison, *, stopped: bool) -> str:
    """What stands between the change that was measured and a verdict; text of our own alone.

    `stopped` says that the user ended the run. The conditions are those of `runners.judge`: an
    estimate beyond the smallest effect that matters, evidence against chance that is stricter than
    the 95 % interval, and fresh processes that agree.
    """
    short = f"95% interval {numbers.interval(at.low, at.high)}"
    interval = f"the {short}"
    if at.spoiled:
        return f"something spoiled the numbers, so that {interval} does not hold"
    if at.low <= 0 <= at.high:
        return f"{interval} includes zero"
    matters = result.test.min_effect
    if abs(math.log1p(at.change)) <= math.log1p(matters):
        return (
            f"that is less than the {matters * 100:.1f}% that matters here, and {interval} does "
            "not rule out more"
        )
    if at.launches < 2 and not _are_apart(result):
        if stopped:
            return f"the run was stopped before fresh processes could confirm it ({short})"
        return f"no fresh processes have confirmed it ({short})"
    if any(text.startswith("fresh processes did not confirm") for text in at.warnings):
        return f"fresh processes did not confirm it ({short})"
    return f"a verdict needs more certainty than {interval} has"


def _are_apart(result: TestResult) -> bool:
    """Whether each side was measured in processes of its own, fresh ones for each segment."""
    return any(segment.gpu is not None and segment.gpu.apart for segment in result.segments)
