"""Decides what to do about a pull request's comments. It decides; it does not do."""

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from .. import PerflintError

# GitHub refuses a longer comment. It counts characters, not bytes.
LARGEST_BODY = 65_536
# What the rendered Markdown may take: the marker line below it never needs more than the rest.
LARGEST_TEXT = LARGEST_BODY - 512

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
class State:
    """What a comment of ours remembers about its result: the two commits and the CI run.

    `run` is None where no CI run made the result.
    """

    head: str = ""
    base: str = ""
    run: int | None = None
    attempt: int = 1


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
    ours = _ours(standing, me, key)
    if not ours:
        return PostComment(body)
    *others, (told, newest) = ours
    surplus = tuple(comment.id for _, comment in others)
    if stale := _stale(state, told, current):
        return KeepComment(newest.url, stale, surplus)
    if _lines(newest.body) == _lines(body):
        return KeepComment(newest.url, "it says this already", surplus)
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
    facts: dict[str, object] = {"v": 1, "head": state.head, "base": state.base}
    if state.run is not None:
        facts |= {"run": state.run, "attempt": state.attempt}
    text = json.dumps(facts, separators=(",", ":")).encode()
    packed = base64.urlsafe_b64encode(text).decode().rstrip("=")
    return f"<!-- perflint:comment v1 key={key} state={packed} -->"


def read_marker(body: str) -> tuple[str, State] | None:
    """Return the key and the state in the last line of a comment, or None where that is no marker.

    Anybody can write such a line: what it says counts only where the author is us.
    """
    found = _MARKER.fullmatch(_lines(body).rsplit("\n", 1)[-1])
    return (found["key"], _read_state(found["state"])) if found else None


def _ours(standing: Iterable[Comment], me: str, key: str) -> list[tuple[State, Comment]]:
    """List the comments that we wrote under this key, the one with the newest result last."""
    read = ((read_marker(comment.body), comment) for comment in standing if comment.author == me)
    ours = [(found[1], comment) for found, comment in read if found and found[0] == key]
    return sorted(ours, key=lambda pair: (pair[0].run or 0, pair[0].attempt, pair[1].id))


def _stale(state: State, told: State, current: str) -> str:
    """Say why a result must not replace the one that is told already; empty where it may."""
    if current and state.head != told.head:
        if told.head == current:
            return f"it tells about {told.head[:7]}, the head of the pull request now"
        if state.head == current:
            return ""
    if state.run is None or told.run is None:
        return ""
    if (told.run, told.attempt) > (state.run, state.attempt):
        return f"it tells a newer result, of run {told.run} (attempt {told.attempt})"
    return ""


def _read_state(text: str) -> State:
    """Unpack a state; one that is not ours in every field tells nothing."""
    try:
        facts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        return State()
    match facts:
        case {"v": 1, "head": str(head), "base": str(base), "run": int(run), "attempt": int(turn)}:
            return State(head, base, run, turn)
        case {"v": 1, "head": str(head), "base": str(base)} if "run" not in facts:
            return State(head, base)
    return State()


def _lines(body: str) -> str:
    """Bring a body into the form in which two can be compared: GitHub's pages write CRLF."""
    return body.replace("\r\n", "\n").rstrip()
