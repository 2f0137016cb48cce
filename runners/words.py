"""Words that several sentences for people are made of."""

from collections.abc import Iterable

# The end of a report of pytest is where the error is: so many lines of it are kept.
DETAIL_LINES = 60


def some(things: Iterable[object], most: int = 3) -> str:
    """List the first of these things, and say how many more there are."""
    words = [str(thing) for thing in things]
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")
