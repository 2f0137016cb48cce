"""Words that several sentences for people are made of."""

import unicodedata
from collections.abc import Iterable

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "…"

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


def inert(text: str, limit: int) -> str:
    """One line of at most `limit` characters; control and direction characters become U+FFFD."""
    if len(text) > limit:
        # Both ends stay: a file's name and a parametrised test's parameters stand at the end.
        tail = (limit - 1) // 2
        text = text[: limit - 1 - tail] + ELLIPSIS + text[len(text) - tail :]
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\t\n\r":
        return " "
    hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return REPLACEMENT if hidden else character


# The reason of a perf test that base does not run, as `bot` knows it too.
SKIPPED_ON_BASE = "it is skipped on base and fails on head"
