"""Lines and columns as editors count them."""

import pytest
from torch_perflint.lints.editor.places import Places
from torch_perflint.lints.finding import Span

pytest.importorskip("lsprotocol")

TEXT = "a = '😀é'; b\r\nform\ffeed; c\rlast"


@pytest.mark.parametrize(("encoding", "column"), [("utf-16", 11), ("utf-32", 10), ("utf-8", 14)])
def test_columns_are_counted_in_units_of_the_encoding(encoding: str, column: int) -> None:
    position = Places(TEXT, encoding).position(1, TEXT.index("b"))
    assert (position.line, position.character) == (0, column)


def test_only_line_endings_end_a_line() -> None:
    places = Places(TEXT)
    assert [len(places.lines), places.position(2, 11).line] == [3, 1]
    at = places.range(Span(3, 0, 9, 9))
    assert (at.end.line, at.end.character) == (2, 4)


def _apply(text: str, after: str) -> str:
    """Do as an editor does: from the end to the start, by lines and columns."""
    lines = text.split("\n")
    for edit in reversed(list(Places(text).edits(after))):
        start, end = edit.range.start, edit.range.end
        head = [*lines[: start.line], lines[start.line][: start.character]]
        tail = [lines[end.line][end.character :], *lines[end.line + 1 :]]
        joined = "\n".join(head) + edit.new_text + "\n".join(tail)
        lines = joined.split("\n")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\nb\nc\n", "a\nB\nc\n"),
        ("a\nb", "a\nB"),
        ("a\nb\n", "a\n"),
        ("a\nb", "a"),
        ("a", "a\nb\nc"),
        ("a\n", "b\na\n"),
        ("a\nb\nc\nd", "A\nb\nC\nx\nd\n"),
        ("", "a\n"),
        ("a\n", ""),
        ("a\nb\n", "a\nb\n"),
    ],
)
def test_edits_turn_one_text_into_the_other(before: str, after: str) -> None:
    assert _apply(before, after) == after


def test_edits_leave_lines_alone_that_stay() -> None:
    [edit] = Places("a\nb\nc\n").edits("a\nB\nc\n")
    assert (edit.range.start.line, edit.range.end.line, edit.new_text) == (1, 2, "B\n")


def test_new_lines_end_as_the_others_do() -> None:
    [edit] = Places("a\r\nb\r\nc\r\n").edits("a\r\nB\r\nB\r\nc\r\n")
    assert edit.new_text == "B\r\nB\r\n"
