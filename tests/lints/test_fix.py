"""What fixing makes of a text: rounds, overlaps, fixes that would break it."""

import re
from collections.abc import Callable

import pytest
from torch_perflint.lints.diffs import patch
from torch_perflint.lints.files import SourceFile
from torch_perflint.lints.finding import Edit, Finding, Span
from torch_perflint.lints.fix import Fixed, apart, fix_source

Judged = Callable[[SourceFile], list[Finding]]


def _finding(line: int, column: int, end: int, text: str, *, code: str = "PFL999") -> Finding:
    span = Span(line, column, line, end)
    return Finding("a.py", span, code, "a-rule", "words", fix=Edit(span, text, safe=True))


def _replacing(*pairs: tuple[str, str]) -> Judged:
    """A rule for each pair: what to look for, and what to put in its place."""

    def judge(source: SourceFile) -> list[Finding]:
        return [
            _finding(number, found.start(), found.end(), new, code=f"PFL90{place}")
            for place, (old, new) in enumerate(pairs)
            for number, line in enumerate(re.split("\r\n|\r|\n", source.text), 1)
            for found in re.finditer(old, line)
        ]

    return judge


def _fixed(text: str, judge: Judged, encoding: str = "utf-8") -> Fixed:
    return fix_source(SourceFile(text, encoding), judge, lambda finding, source: True)


def test_a_fix_that_makes_room_for_another_is_followed_by_it() -> None:
    fixed = _fixed("a = one\n", _replacing(("one", "two"), ("two", "three")))
    assert fixed.source.text == "a = three\n"
    assert [finding.code for finding in fixed.applied] == ["PFL900", "PFL901"]
    assert fixed.problems == ()


def test_fixes_that_overlap_go_in_one_after_the_other() -> None:
    fixed = _fixed("f(g(x))\n", _replacing((r"f\(g\(x\)\)", "f(g(y))"), ("x", "z"), ("y", "w")))
    assert fixed.source.text == "f(g(w))\n"


def test_fixes_that_touch_do_not_go_in_together() -> None:
    findings = [_finding(1, 0, 3, "a"), _finding(1, 3, 5, "b"), _finding(1, 6, 7, "c")]
    assert list(apart(findings)) == [findings[0], findings[2]]


def test_a_fix_that_would_break_the_file_is_left_out_and_said() -> None:
    fixed = _fixed("a = bad\nb = good\n", _replacing(("bad", "(("), ("good", "1")))
    assert fixed.source.text == "a = bad\nb = 1\n"
    assert [finding.code for finding in fixed.applied] == ["PFL901"]
    [problem] = fixed.problems
    assert problem.startswith("a.py:1:5: the fix of a-rule was left out")
    assert "bug in the rule" in problem


def test_a_character_that_the_encoding_lacks_is_left_out_and_said() -> None:
    fixed = _fixed("# coding: latin-1\na = old\n", _replacing(("old", "'☃'")), "latin-1")
    assert fixed.source.text == "# coding: latin-1\na = old\n"
    assert len(fixed.problems) == 1


def test_what_was_refused_is_not_asked_about_again_when_it_moves() -> None:
    asked: list[tuple[int, int]] = []

    def wanted(finding: Finding, source: SourceFile) -> bool:
        asked.append((finding.span.line, finding.span.column))
        return finding.span.line == 1

    judge = _replacing(("first", "1; second"), ("second", "2"), ("last", "3"))
    fixed = fix_source(SourceFile("first; last\nlast\n", "utf-8"), judge, wanted)
    assert fixed.source.text == "1; 2; 3\nlast\n"
    assert asked == [(1, 0), (1, 7), (2, 0), (1, 3)]


@pytest.mark.parametrize(
    "pairs", [(("a", "b"), ("b", "a")), (("c", "cc"),)], ids=["back and forth", "growing"]
)
def test_fixes_without_an_end_are_stopped_and_said(pairs: tuple[tuple[str, str], ...]) -> None:
    fixed = _fixed("a = c\n", _replacing(*pairs))
    assert "never come to an end" in fixed.problems[0]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_new_lines_end_as_the_others_do(newline: str) -> None:
    fixed = _fixed(f"a = (old){newline}b = 1{newline}", _replacing(("old", "1,\n2")))
    assert fixed.source.text == f"a = (1,{newline}2){newline}b = 1{newline}"


def test_a_patch_names_files_with_spaces_and_quotes_as_git_does() -> None:
    before, after = SourceFile("a\n", "utf-8"), SourceFile("b", "utf-8")
    text = patch('my "dir/a b.py', before, after).decode()
    assert text.startswith('--- "a/my \\"dir/a b.py"\n+++ "b/my \\"dir/a b.py"\n@@')
    assert text.endswith("+b\n\\ No newline at end of file\n")
    assert patch("a b.py", before, after).startswith(b"--- a/a b.py\t\n")
    assert patch("a.py", before, before) == b""
