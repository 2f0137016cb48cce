"""Which comment is ours, and what becomes of it."""

import base64
import json

import pytest
from torch_perflint import PerflintError
from torch_perflint.bot.sticky import (
    LARGEST_BODY,
    LARGEST_TEXT,
    Comment,
    EditComment,
    KeepComment,
    Plan,
    PostComment,
    Stage,
    State,
    marker,
    plan,
    read_marker,
    with_marker,
)

ME = "github-actions[bot]"
NOW = State("4f1c2ab9d3e0", "9e0d7710aa1b", 812, 1)
LINE = (
    "<!-- perflint:comment v1 key=default state=eyJ2IjoxLCJoZWFkIjoiNGYxYzJhYjlkM2UwIiwiYmFzZSI6"
    "IjllMGQ3NzEwYWExYiIsInJ1biI6ODEyLCJhdHRlbXB0IjoxfQ -->"
)


def decide(
    *standing: Comment, body: str = "new words", state: State = NOW, current: str = ""
) -> Plan:
    return plan(standing, body, me=ME, key="default", state=state, current=current)


def ours(
    number: int = 7, body: str = "old words", state: State = NOW, key: str = "default"
) -> Comment:
    return Comment(number, ME, with_marker(body, key, state), f"https://example.org/{number}")


def test_the_marker_is_the_line_that_stands_on_pull_requests_already() -> None:
    assert marker("default", NOW) == LINE
    assert read_marker(f"words\n\n{LINE}") == ("default", NOW)


def test_a_state_without_a_run_is_read_back_as_it_was() -> None:
    state = State("a" * 40, "b" * 40)
    assert read_marker(marker("notes.v2", state)) == ("notes.v2", state)


def test_without_a_comment_of_ours_one_is_posted() -> None:
    others = Comment(1, "maintainer", "please measure this")
    assert decide(others) == PostComment(with_marker("new words", "default", NOW))


def test_our_comment_is_edited_and_not_posted_again() -> None:
    assert decide(ours(7)) == EditComment(7, with_marker("new words", "default", NOW))


def test_a_copy_of_our_marker_by_someone_else_is_not_ours() -> None:
    copy = Comment(1, "contributor", f"nothing to see here\n\n{LINE}")
    assert isinstance(decide(copy), PostComment)


def test_a_marker_that_is_quoted_above_the_last_line_does_not_make_a_comment_ours() -> None:
    quoted = Comment(1, ME, f"> {LINE}\n\n{LINE}\n\nby another bot of the same account")
    assert isinstance(decide(quoted), PostComment)


def test_a_marker_that_is_only_the_end_of_the_last_line_does_not_count() -> None:
    assert read_marker(f"words {LINE}") is None


def test_a_comment_with_another_key_is_left_alone() -> None:
    assert isinstance(decide(ours(key="nightly")), PostComment)


def test_the_same_words_and_the_same_state_are_kept() -> None:
    kept = decide(ours(7, "new words"))
    assert kept == KeepComment("https://example.org/7", "it says this already")


def test_line_ends_and_trailing_space_that_github_changes_do_not_count_as_new_words() -> None:
    standing = ours(7, "new\nwords")
    rewritten = Comment(7, ME, standing.body.replace("\n", "\r\n") + "\r\n")
    assert isinstance(decide(rewritten, body="new\nwords\n"), KeepComment)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (State("head", "base", 812), KeepComment),
        (State("head", "", 812, stage=Stage.RUNNING), KeepComment),
        (State("head", "base"), KeepComment),
        (State("head", "", stage=Stage.ENDED), EditComment),
        (State("older", "base", 812), EditComment),
    ],
)
def test_what_waits_for_a_command_replaces_nothing_known_about_its_commit(
    told: State, kind: type[Plan]
) -> None:
    waits = State("head", "", stage=Stage.WAITING)
    assert isinstance(decide(ours(state=told), state=waits, current="head"), kind)


@pytest.mark.parametrize(
    ("told", "new", "kind"),
    [
        ((812, 1), (813, 1), EditComment),
        ((812, 1), (812, 2), EditComment),
        ((813, 1), (812, 1), KeepComment),
        ((813, 1), (812, 9), KeepComment),
        ((812, 2), (812, 1), KeepComment),
        ((None, 1), (812, 1), EditComment),
        ((812, 1), (None, 1), EditComment),
    ],
)
def test_an_older_run_or_attempt_never_replaces_a_newer_one(
    told: tuple[int | None, int], new: tuple[int | None, int], kind: type[Plan]
) -> None:
    standing = ours(state=State("head", "base", *told))
    assert isinstance(decide(standing, state=State("head", "base", *new)), kind)


def test_a_result_for_an_abandoned_head_never_replaces_that_of_the_current_head() -> None:
    standing = ours(state=State("current", "base", 812))
    late = State("abandoned", "base", 813)
    assert isinstance(decide(standing, state=late, current="current"), KeepComment)
    assert isinstance(decide(standing, state=late, current="another"), EditComment)


def test_the_result_for_the_current_head_replaces_any_other_head_however_high_its_run() -> None:
    standing = ours(state=State("abandoned", "base", 10**15))
    new = State("current", "base", 813)
    assert isinstance(decide(standing, state=new, current="current"), EditComment)
    assert isinstance(decide(standing, state=new), KeepComment)


@pytest.mark.parametrize(
    "packed",
    [
        "",
        "A",
        "not-base64-of-anything",
        base64.urlsafe_b64encode(b"\xff\xfe").decode().rstrip("="),
        base64.urlsafe_b64encode(b"[" * 40_000).decode().rstrip("="),
        *(
            base64.urlsafe_b64encode(json.dumps(facts).encode()).decode().rstrip("=")
            for facts in (
                [],
                {"v": 2, "head": "a", "base": "b", "run": 999},
                {"v": 1, "head": 5, "base": "b", "run": 999, "attempt": 1},
                {"v": 1, "head": "a", "base": "b", "run": "999", "attempt": 1},
                {"v": 1, "head": "a", "base": "b", "run": 999},
            )
        ),
    ],
)
def test_a_state_that_cannot_be_read_tells_nothing_and_the_comment_stays_ours(packed: str) -> None:
    broken = Comment(7, ME, f"words\n<!-- perflint:comment v1 key=default state={packed} -->")
    assert read_marker(broken.body) == ("default", State())
    assert isinstance(decide(broken), EditComment)


def test_of_several_of_ours_the_newest_result_stays_and_the_others_go() -> None:
    first = ours(5, state=State("h", "b", 811))
    newest = ours(6, state=State("h", "b", 813))
    between = ours(9, state=State("h", "b", 812))
    assert decide(first, newest, between, state=State("h", "b", 814)) == EditComment(
        6, with_marker("new words", "default", State("h", "b", 814)), surplus=(5, 9)
    )
    kept = decide(first, newest, between, state=State("h", "b", 812))
    assert isinstance(kept, KeepComment)
    assert kept.surplus == (5, 9)


def test_a_body_of_exactly_what_github_takes_passes_and_one_character_more_does_not() -> None:
    room = LARGEST_BODY - len(f"\n\n{LINE}")
    assert len(with_marker("é" * room, "default", NOW)) == LARGEST_BODY
    with pytest.raises(PerflintError, match="65,537 characters and GitHub takes 65,536"):
        with_marker("é" * (room + 1), "default", NOW)


def test_the_room_left_for_the_marker_is_enough_for_the_longest_one() -> None:
    longest = State("a" * 64, "b" * 64, 10**18, 10**6)
    assert len(with_marker("x" * LARGEST_TEXT, "k" * 64, longest)) <= LARGEST_BODY


@pytest.mark.parametrize("key", ["", "two words", "-->", "a" * 65, "schlüssel", "a\nb"])
def test_a_key_that_would_break_the_marker_is_refused(key: str) -> None:
    with pytest.raises(PerflintError, match="cannot be the key"):
        marker(key, NOW)
