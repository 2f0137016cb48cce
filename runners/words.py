"""Words that several sentences for people are made of."""

from collections.abc import Iterable

# The end of a report of pytest is where the error is: so many lines of it are kept.
DETAIL_LINES = 60

# Why a perf test has counts and no times, where the user stopped the run.
STOPPED = "the run was stopped before it was timed"
# What a stopped run notes; a report tells it by `interrupted`.
STOPPED_NOTE = "stopped by the user: what was not measured by then is missing"


def removes_test(name: str) -> str:
    """Say that a perf test (its id) is gone on head."""
    return f"this change removes the perf test {name}"


def some(things: Iterable[object], most: int = 3) -> str:
    """List the first of these things, and say how many more there are."""
    words = [str(thing) for thing in things]
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")
