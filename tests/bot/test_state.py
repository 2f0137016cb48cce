"""What a comment remembers, between versions of perflint and whatever stands there."""

import base64
import json
import re

import pytest

pytest.importorskip("msgspec")
pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st
from torch_perflint import PerflintError
from torch_perflint.bot.acks import Ack
from torch_perflint.bot.state import LastVerdict, Stage, State, pack, unpack
from torch_perflint.bot.sticky import (
    LARGEST_BODY,
    LARGEST_MARKER,
    LARGEST_TEXT,
    KeepComment,
    marker,
    plan,
    read_marker,
    room_above,
    with_marker,
)

ACK = Ack("perf.py::test_a", "worth it — é", "alice", "2026-01-02T03:04:05Z", "a" * 40, -0.1)
FULL = State(
    "a" * 40,
    "b" * 40,
    812,
    2,
    Stage.RUNNING,
    99,
    LastVerdict("c" * 40, "🔴", "test_a trains 9.6% slower with this PR"),
    (ACK,),
    ("perf-regression",),
    tuple(f"{number:08x}" for number in range(50)),
)


def packed(facts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(facts).encode()).decode().rstrip("=")


def test_everything_is_read_back_as_it_was() -> None:
    assert unpack(pack(FULL)) == FULL
    assert read_marker(marker("cpu", FULL)) == ("cpu", FULL)


def test_an_older_perflint_reads_the_commits_and_the_run() -> None:
    """As it reads them: what it does not know is passed over."""
    match json.loads(base64.urlsafe_b64decode(pack(FULL) + "==")):
        case {"v": 1, "head": str(head), "base": str(base), "run": int(run), "attempt": int(turn)}:
            assert (head, base, run, turn) == ("a" * 40, "b" * 40, 812, 2)
        case other:
            pytest.fail(f"an older perflint cannot read {other}")


def test_what_a_later_perflint_adds_is_passed_over() -> None:
    facts = {"v": 1, "head": "a", "base": "b", "run": 5, "attempt": 1}
    assert unpack(packed(facts | {"mood": [1], "stage": "paused"})) == State("a", "b", 5)
    acks = [["t", "r", "by", "at", "h", -0.1, None, None, 0.02, {}, "more"], ["of another shape"]]
    [ack] = unpack(packed(facts | {"acks": acks})).acks
    assert (ack.test, ack.change) == ("t", -0.1)
    last = ["h", "🔴", "said", "more"]
    assert unpack(packed(facts | {"last": last})).last is None


@pytest.mark.parametrize(
    "broken",
    [
        {"stage": 5},
        {"check": "99"},
        {"check": -1},
        {"check": True},
        {"last": "said"},
        {"last": [1, 2, 3]},
        {"acks": {"a": 1}},
        {"acks": [None, 5, [1, 2, 3, 4, 5, 6]]},
        {"acks": [["t", "r", "b", "a", "h", float("nan"), None, None, 0.02, {}]]},
        {"acks": [["t", "r", "b", "a", "h", float("inf"), None, None, 0.02, {}]]},
        {"labels": "perf-regression"},
        {"labels": [1, None]},
    ],
)
def test_a_part_that_cannot_be_read_tells_nothing_and_the_rest_does(broken: dict) -> None:
    facts = {"v": 1, "head": "a", "base": "b", "run": 5, "attempt": 1}
    assert unpack(packed(facts | broken)) == State("a", "b", 5)


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), max_size=80))
def test_any_letters_are_read_without_a_crash(text: str) -> None:
    assert isinstance(unpack(text), State)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["stage", "check", "last", "acks", "labels"]), JSON),
    st.integers(),
)
def test_any_parts_are_read_without_a_crash(parts: dict, run: int) -> None:
    read = unpack(packed({"v": 1, "head": "a", "base": "b", "run": run, "attempt": 1} | parts))
    assert (read.head, read.run) == ("a", run)
    assert unpack(pack(read)) == read


@given(st.text(max_size=200))
def test_no_text_ends_the_line_of_the_marker(text: str) -> None:
    state = State("a", "b", 5, last=LastVerdict(text, text, text), acks=(
        Ack(text, text, text, text, text, None),), labels=(text,))  # fmt: skip
    assert re.fullmatch(
        r"<!-- perflint:comment v1 key=default state=[\w-]+ -->", marker("default", state)
    )


def test_the_room_above_a_marker_is_what_a_comment_has() -> None:
    room = room_above("default", FULL)
    assert len(with_marker("x" * room, "default", FULL)) == LARGEST_BODY
    with pytest.raises(PerflintError):
        with_marker("x" * (room + 1), "default", FULL)
    assert room >= LARGEST_TEXT


def test_more_than_a_comment_can_remember_is_refused_with_what_to_do() -> None:
    many = State(acks=(ACK,) * 500)
    assert len(pack(many)) > LARGEST_MARKER
    with pytest.raises(PerflintError, match="500 acknowledgements: take some back"):
        marker("default", many)


@pytest.mark.parametrize(
    ("told", "new", "kept"),
    [
        (Stage.FINISHED, Stage.RUNNING, True),
        (Stage.FINISHED, Stage.ENDED, True),
        (Stage.RUNNING, Stage.WAITING, True),
        (Stage.WAITING, Stage.RUNNING, False),
        (Stage.RUNNING, Stage.ENDED, False),
        (Stage.ENDED, Stage.FINISHED, False),
        (Stage.RUNNING, Stage.FINISHED, False),
    ],
)
def test_a_run_goes_forward_only(told: Stage, new: Stage, kept: bool) -> None:
    from torch_perflint.bot.sticky import Comment

    standing = Comment(7, "me", with_marker("old", "default", State("h", "b", 5, 1, told)))
    state = State("h", "b", 5, 1, new)
    done = plan([standing], "new", me="me", key="default", state=state)
    assert isinstance(done, KeepComment) == kept
