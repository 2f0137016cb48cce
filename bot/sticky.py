"""Decides what to do about a pull request's comments. It decides; it does not do."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .. import PerflintError
from .state import Stage, State, pack, unpack

__all__ = ["Stage", "State"]

# GitHub refuses a longer comment. It counts characters, not bytes.
LARGEST_BODY = 65_536
# A marker may take this much; beyond it a comment would have no room to say what it is about.
LARGEST_MARKER = 16_384
# What rendered Markdown may always take, whatever the marker below it remembers.
LARGEST_TEXT = LARGEST_BODY - LARGEST_MARKER - 2

SAYS_SO = "it says this already"

# What each version of the marker changed:
# 1: the first.
_MARKER = re.compile(
    r"<!-- perflint:comment v1 key=(?P<key>[\w.-]{1,64}) state=(?P<state>[\w-]*) -->", re.ASCII
)
_KEY = re.compile(r"[\w.-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment that stands on the pull request."""

    id: int
    author: str
    body: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class PostComment:
    """Write a new comment."""

    body: str


@dataclass(frozen=True, slots=True)
class EditComment:
    """Replace the body of a comment of ours; `surplus` are further ones of ours, to be deleted."""

    id: int
    body: str
    surplus: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class KeepComment:
    """Leave the comment as it is, and why; `surplus` are further ones of ours, to be deleted."""

    url: str
    reason: str
    surplus: tuple[int, ...] = ()


Plan = PostComment | EditComment | KeepComment


def plan(
    standing: Iterable[Comment], body: str, *, me: str, key: str, state: State, current: str = ""
) -> Plan:
    """One comment per key: the newest of ours is edited, and none comes twice.

    `body` is Markdown without its marker; `current` is the head commit of the pull request now.
    """
    body = with_marker(body, key, state)
    mine = ours(standing, me, key)
    if not mine:
        return PostComment(body)
    *others, (told, newest) = mine
    surplus = tuple(comment.id for _, comment in others)
    if stale := _stale(state, told, current):
        return KeepComment(newest.url, stale, surplus)
    if _lines(newest.body) == _lines(body):
        return KeepComment(newest.url, SAYS_SO, surplus)
    return EditComment(newest.id, body, surplus)


def with_marker(body: str, key: str, state: State) -> str:
    """Put the line under the Markdown by which we know our comment again."""
    body = f"{body.rstrip()}\n\n{marker(key, state)}"
    if len(body) > LARGEST_BODY:
        raise PerflintError(
            f"the comment has {len(body):,} characters and GitHub takes {LARGEST_BODY:,}: "
            "shorten its Markdown"
        )
    return body


def marker(key: str, state: State) -> str:
    """Return the line by which we know our comment again; keys tell several of ours apart."""
    if not _KEY.fullmatch(key):
        raise PerflintError(
            f"{key!r} cannot be the key of a comment: "
            "use up to 64 letters, digits, '.', '_' and '-'"
        )
    line = f"<!-- perflint:comment v1 key={key} state={pack(state)} -->"
    if len(line) > LARGEST_MARKER:
        raise PerflintError(
            f"the comment cannot remember {len(state.acks)} acknowledgements: take some back"
        )
    return line


def room_above(key: str, state: State) -> int:
    """How many characters of Markdown a comment with this marker can hold."""
    return LARGEST_BODY - len(marker(key, state)) - 2


def read_marker(body: str) -> tuple[str, State] | None:
    """Return the key and the state in the last line of a comment, or None where that is no marker.

    Anybody can write such a line: what it says counts only where the author is us.
    """
    found = _MARKER.fullmatch(_lines(body).rsplit("\n", 1)[-1])
    return (found["key"], unpack(found["state"])) if found else None


def ours(standing: Iterable[Comment], me: str, key: str) -> list[tuple[State, Comment]]:
    """List the comments that we wrote under this key, the one with the newest result last."""
    read = ((read_marker(comment.body), comment) for comment in standing if comment.author == me)
    mine = [(found[1], comment) for found, comment in read if found and found[0] == key]
    return sorted(mine, key=lambda pair: (pair[0].order, pair[1].id))


def _stale(state: State, told: State, current: str) -> str:
    """Say why a result must not replace the one that is told already; empty where it may."""
    if current and state.head != told.head:
        if told.head == current:
            return f"it tells about {told.head[:7]}, the head of the pull request now"
        if state.head == current:
            return ""
    if state.stage is Stage.ENDED and told.stage is Stage.FINISHED:
        return f"it tells a result, for {told.head[:7]}"
    if told.stage is Stage.ENDED and state.stage is Stage.FINISHED and told.head == state.head:
        return ""  # a result is more than none, whichever run it is of
    # What no run tells, as that one is waited for, replaces nothing that one tells.
    if state.run is None and state.stage is not Stage.FINISHED and state.head == told.head:
        if told.run is not None:
            return f"it tells about run {told.run} on this commit"
        if told.stage is Stage.FINISHED:
            return f"it tells a result, for {told.head[:7]}"
    if state.run is None or told.run is None:
        return ""
    if told.order[:2] > state.order[:2]:
        return f"it tells a newer result, of run {told.run} (attempt {told.attempt})"
    if told.order > state.order:
        return f"it tells already that run {told.run} is {told.stage.value}"
    return ""


def _lines(body: str) -> str:
    """Bring a body into the form in which two can be compared: GitHub's pages write CRLF."""
    return body.replace("\r\n", "\n").rstrip()
