"""What a test is said to have been able to catch, with the time that it had and used."""

import random
from math import exp

from torch_perflint.runners.assemble import Measured
from torch_perflint.runners.config import RunnersConfig
from torch_perflint.runners.limit import TimeLimit
from torch_perflint.runners.sample import Pair, PerfTest, Segment
from torch_perflint.runners.timing import Timing
from torch_perflint.runners.verdict.compare import Comparison, Verdict


def settled(noise: float, segments: int, affordable: float) -> Comparison:
    """Judge identical code after so many segments of one second each, in one launch."""
    draw = random.Random(1)
    rows = [
        tuple(Pair(0.01, 0.01 * exp(draw.gauss(0, noise))) for _ in range(40))
        for _ in range(segments)
    ]
    measured = Measured(PerfTest("t.py::t", "t.py", 1), affordable=affordable)
    measured.segments = [Segment(1, row, 1.0) for row in rows]
    comparison = Timing(RunnersConfig(), TimeLimit(60), print, 1).settled(measured)
    assert comparison is not None
    return comparison


def test_a_test_that_was_stopped_would_have_caught_only_what_it_had_measured_enough_for() -> None:
    """Such as by Ctrl-C, or since other tests took what was left of the run's time."""
    stopped, whole = (settled(0.2, 1, seconds) for seconds in (45.0, 1.0))
    assert stopped.verdict is Verdict.UNSURE
    assert stopped == whole
    assert stopped.detectable > 0.1


def test_a_test_that_ended_early_would_have_used_the_time_it_had() -> None:
    early, short = (settled(0.05, 4, seconds) for seconds in (45.0, 4.0))
    assert early.verdict is Verdict.SAME
    assert early.detectable < short.detectable
