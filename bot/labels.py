"""Decides which of our labels a pull request should have. Those of others are never touched."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .acks import Ack
from .check import unacknowledged
from .report import Report

REGRESSION = "perf-regression"
# Beside the other: people search for regressions that nobody has accepted.
ACKNOWLEDGED = "perf-regression-acked"
OURS = (REGRESSION, ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Change:
    """Labels to add and to remove."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


def wanted(report: Report, acks: Sequence[Ack]) -> tuple[str, ...]:
    """The labels that a result asks for: the second only where every regression is accepted."""
    if not any(result.is_regression for result in report.run.tests):
        return ()
    return (REGRESSION,) if unacknowledged(report, acks) else OURS


def together(results: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """What several results for one head want: accepted only where no regression is left."""
    bad = [labels for labels in results if REGRESSION in labels]
    if not bad:
        return ()
    return OURS if all(ACKNOWLEDGED in labels for labels in bad) else (REGRESSION,)


def change(present: Collection[str], wanted: Collection[str]) -> Change:
    """What is to be done for exactly the wanted ones of ours to be present."""
    # GitHub takes labels for the same whatever their case.
    there = {label.lower() for label in present}
    return Change(
        tuple(label for label in OURS if label in wanted and label not in there),
        tuple(label for label in OURS if label not in wanted and label in there),
    )
