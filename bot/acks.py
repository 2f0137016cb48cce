"""A regression that somebody accepted: who, why, and how bad it was then, as plain data."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..runners.result import TestResult
from .report import Report


@dataclass(frozen=True, slots=True)
class Ack:
    """One perf test's regression, acknowledged.

    `test` is the test's id, `by` a login, `at` a time (ISO 8601, UTC), `head` the commit, and
    `change` the relative change of throughput that was accepted (None: only counts grew).
    """

    test: str
    reason: str
    by: str
    at: str
    head: str
    change: float | None = None


def still_standing(acks: Sequence[Ack], report: Report) -> tuple[Ack, ...]:
    """Those whose test did not get worse by more than its smallest effect that matters."""
    found = {result.test.id: result for result in report.run.tests}
    return tuple(ack for ack in acks if not _worse(ack, found.get(ack.test)))


def _worse(ack: Ack, result: TestResult | None) -> bool:
    if result is None or result.comparison is None:
        return False
    return result.comparison.change < (ack.change or 0.0) - result.test.min_effect
