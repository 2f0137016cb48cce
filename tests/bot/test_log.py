"""What strangers wrote is never a command in the log of GitHub Actions."""

import io
import sys

import pytest

pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st
from torch_perflint.bot import log
from torch_perflint.bot.log import GuardedStream, plain

PIECES = st.lists(
    st.sampled_from(
        ["::", ":", "##[", "#", "[", "error", "]", " ", "\t", "\n", "\r", "\u2003", "x"]
    ),
    max_size=20,
).map("".join)


def is_command(line: str) -> bool:
    """What the runner takes for one, registered or not."""
    return line.lstrip().startswith("::") or "##[" in line


@given(PIECES)
def test_plain_text_is_one_line_and_no_command(text: str) -> None:
    assert len(plain(text).splitlines()) <= 1
    assert not is_command(plain(text))


@given(st.lists(PIECES | st.none(), max_size=8))
def test_a_guarded_stream_lets_no_command_through_in_whatever_pieces(
    pieces: list[str | None],
) -> None:
    under = io.StringIO()
    guarded = GuardedStream(under)
    for piece in pieces:
        guarded.flush() if piece is None else guarded.write(piece)
    guarded.flush()
    lines = under.getvalue().replace("\r", "\n").split("\n")
    assert not [line for line in lines if is_command(line)]
    words = "".join(piece or "" for piece in pieces)
    assert (
        "".join(under.getvalue().split())
        == "".join(words.replace("\r", "\n").replace(" ", "").split())
        or "::" in words
        or "##[" in words
        or "#" in words
    )


def test_the_same_check_finds_a_command_in_what_is_not_guarded() -> None:
    assert is_command("  ::error::x")
    assert is_command("some ##[error]x")


def test_a_warning_of_ours_is_a_command_and_cannot_become_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    under = io.StringIO()
    monkeypatch.setattr(sys, "stdout", under)
    monkeypatch.setattr(sys, "stderr", under)
    log.guard()
    print("::error::not ours")
    log.warn("100% of\n::error::this\r")
    assert under.getvalue().splitlines() == [
        ": :error::not ours",
        "perflint: 100% of",
        ": :error::this",
        "",
        "::warning title=perflint::100%25 of%0A::error::this%0D",
    ]
