"""Judges two stored runs of one perf test against each other, as far as that is honest. Pure."""

import math
from statistics import NormalDist

from .compare import Comparison, Verdict
from .judge import Thresholds
from .stats import Z95, t_quantile

# Two fresh processes of identical code, one after the other on a shared machine: by how much their
# median step times were apart (12 pairs, a residual CNN and a small transformer on a CPU).
_APART = (0.024, 0.029, 0.05, 0.068, 0.096, 0.13, 0.18, 0.26, 0.27, 0.36, 0.55, 0.69)
_SD = math.sqrt(sum(math.log1p(apart) ** 2 for apart in _APART) / len(_APART))

# The chance of calling identical code slower or faster, of all tests of a comparison together.
_ALARM_RATE = 0.01

# Two-sided 5 %: of Student's t distribution at 12 degrees of freedom, since that deviation is known
# from 12 pairs, and of the normal one.
_T975, _Z975 = 2.179, 1.960

LogRatio = tuple[float, float]


def log_ratio(comparison: Comparison) -> LogRatio:
    """Return the log ratio of step times, head over base, and half the width of its 95 % interval.

    Of an interval that is not symmetric, the wider half.
    """
    middle = -math.log1p(comparison.change)
    ends = (-math.log1p(comparison.low), -math.log1p(comparison.high))
    return middle, max(abs(end - middle) for end in ends)


def ratio_of_ratios(
    old: Comparison | None, new: Comparison | None, min_effect: float, tests: int = 1
) -> Comparison:
    """Compare two heads that were each measured in turns with the same base.

    Whatever made one run slower than the other as a whole hit its base alike, and cancels. The log
    ratios are independent, so the squares of their errors add up. None stands for a head whose code
    is base's own: its ratio is one. Judged in one look by the normal distribution, with the limits
    of a run; a difference is only said where fresh processes had a say in one of the two at least.
    The chance of a false alarm is shared by the `tests` that are compared (Bonferroni).
    """
    (before, half_before), (after, half_after) = (
        (0.0, 0.0) if one is None else log_ratio(one) for one in (old, new)
    )
    middle, half = after - before, math.hypot(half_before, half_after)
    effect, error = math.log1p(min_effect), half / _Z975
    quantile = NormalDist().inv_cdf(1 - _ALARM_RATE / tests)
    verdict = Verdict.UNSURE
    if abs(middle) + Z95 * error < Thresholds().same_within * effect:
        verdict = Verdict.SAME
    elif abs(middle) > max(effect, quantile * error):
        verdict = Verdict.SLOWER if middle > 0 else Verdict.FASTER
    warnings: tuple[str, ...] = ()
    runs = [one for one in (old, new) if one is not None]
    if any(run.spoiled for run in runs):
        verdict = Verdict.UNSURE
        warnings = tuple(dict.fromkeys(w for run in runs if run.spoiled for w in run.warnings))
    elif verdict is not Verdict.SAME and len(runs) == 1 and runs[0].verdict is Verdict.UNSURE:
        # Head against base is all that there is here, and the run itself could not tell.
        verdict, warnings = Verdict.UNSURE, runs[0].warnings
    elif verdict in (Verdict.SLOWER, Verdict.FASTER) and max(r.launches for r in runs) < 2:
        verdict, warnings = Verdict.UNSURE, ("no fresh processes confirmed it in either run",)
    detectable = math.expm1(max(quantile * error, effect) + Z95 * error)
    return _comparison(verdict, (middle, half), old, new, detectable, warnings)


def one_after_the_other(
    old: Comparison, new: Comparison, min_effect: float, tests: int = 1
) -> Comparison:
    """Compare the step times of two heads that were measured at different times.

    The interval is that of identical code measured so: where only the machine has changed, the
    ratio lies in it in 95 of 100 cases. Within it there is no verdict, however steady each run was.
    `tests` share the chance of a false alarm.
    """
    middle = math.log(new.head_seconds / old.head_seconds)
    half = math.hypot(_T975 * _SD, log_ratio(old)[1], log_ratio(new)[1])
    quantile = t_quantile(1 - _ALARM_RATE / tests, len(_APART))
    beyond = max(math.log1p(min_effect), half * quantile / _T975)
    verdict = Verdict.UNSURE
    if abs(middle) > beyond:
        verdict = Verdict.SLOWER if middle > 0 else Verdict.FASTER
    warnings = (
        "measured one after the other, where identical code was 2 to 69 % apart: the interval "
        "allows for that",
    )
    return _comparison(verdict, (middle, half), old, new, math.expm1(beyond), warnings)


def _comparison(
    verdict: Verdict,
    ratio: LogRatio,
    old: Comparison | None,
    new: Comparison | None,
    detectable: float,
    warnings: tuple[str, ...],
) -> Comparison:
    middle, half = ratio
    runs = [one for one in (old, new) if one is not None]
    return Comparison(
        verdict=verdict,
        change=math.expm1(-middle),
        low=math.expm1(-middle - half),
        high=math.expm1(-middle + half),
        base_seconds=old.head_seconds if old else 0.0,
        head_seconds=new.head_seconds if new else 0.0,
        detectable=detectable,
        pairs=sum(run.pairs for run in runs),
        segments=sum(run.segments for run in runs),
        launches=sum(run.launches for run in runs),
        warnings=warnings,
    )
