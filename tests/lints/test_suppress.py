"""Comments that silence findings."""

from dataclasses import replace

import pytest
from torch_perflint.lints import suppress
from torch_perflint.lints.comments import read_comments
from torch_perflint.lints.engine import apply_fixes, check_source
from torch_perflint.lints.finding import Finding, Severity, Span
from torch_perflint.lints.registry import all_rules, vocabulary
from torch_perflint.lints.suppress import Vocabulary, judge_comments

LOOP = """\
import torch
for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    {before}total += loss.item(){after}
"""


def _codes(*, before: str = "", after: str = "") -> list[str]:
    source = LOOP.format(before=before, after=after)
    return [finding.code for finding in check_source(source, "t.py", all_rules())]


def test_without_a_comment_there_is_a_finding() -> None:
    assert _codes() == ["PFL101"]


@pytest.mark.parametrize(
    "comment",
    [
        "# perflint: ignore[PFL101]",
        "# perflint: ignore[item-in-hot-path]",
        "# perflint: ignore[PFL104, PFL101] the value steers the schedule",
        "#perflint:ignore[ PFL101 ]",
        "# perflint: ignore",
        "# perflint: ignore because it is rare",
        "# noqa: E501  # perflint: ignore[PFL101]",
        "# perflint: ignore[pfl1]",
        "# noqa",
        "# NOQA: E501,PFL101 said twice",
        "# type: ignore[misc]  # noqa: PFL101",
    ],
)
def test_a_comment_on_the_line_silences_the_rule_it_names(comment: str) -> None:
    assert _codes(after=f"  {comment}") == []


@pytest.mark.parametrize(
    "comment",
    [
        "# perflint: ignore[PFL104]",
        "# perflint: ignore[]",
        "# perflint: ignored",
        "# perflint: ignore PFL101",
        "# perflint: ignore[PFL101",
        "# perflint: ignore: PFL101",
        "# noqa: E501",
        "# noqa-not",
        "# ignore[PFL101]",
    ],
)
def test_a_comment_that_names_another_rule_silences_nothing(comment: str) -> None:
    assert _codes(after=f"  {comment}") == ["PFL101"]


def test_a_comment_on_a_line_of_its_own_holds_for_the_next_statement_only() -> None:
    assert _codes(before="# perflint: ignore[PFL101]\n    ") == []
    assert _codes(before="# perflint: ignore[PFL101]\n    seen = 1\n    ") == ["PFL101"]


def test_a_comment_holds_for_its_whole_statement() -> None:
    assert _codes(after=" + (\n        more)  # perflint: ignore[PFL101]") == []


def test_text_that_looks_like_a_comment_silences_nothing() -> None:
    assert _codes(before="note = '# perflint: ignore'; ") == ["PFL101"]
    assert _codes(after="  # write `# perflint: ignore` here") == ["PFL101"]


def test_a_bare_noqa_holds_for_its_line_only() -> None:
    assert _codes(before="# noqa\n    ") == ["PFL101"]
    assert _codes(after=" + (\n        more,  # noqa\n    )") == ["PFL101"]
    assert _codes(after=" + (  # noqa\n        more)") == []


@pytest.mark.parametrize(
    "line",
    [
        "# perflint: ignore-file",
        "# perflint: ignore-file[PFL101] generated",
        "# flake8: noqa",
        "# ruff: noqa: PFL101",
        "# perflint: off[item-in-hot-path]",
        "# perflint: off\n# perflint: on\n# perflint: off",
    ],
)
def test_some_comments_reach_further(line: str) -> None:
    source = f"{line}\n{LOOP.format(before='', after='')}"
    assert check_source(source, "t.py", all_rules()) == []


@pytest.mark.parametrize(
    "line",
    ["# perflint: ignore-file[PFL104]", "# ruff: noqa: E501", "# perflint: off\n# perflint: on"],
)
def test_and_only_as_far_as_they_say(line: str) -> None:
    source = f"{line}\n{LOOP.format(before='', after='')}"
    assert [f.code for f in check_source(source, "t.py", all_rules())] == ["PFL101"]


def test_a_comment_on_a_decorator_holds_for_what_it_decorates() -> None:
    text = "# perflint: ignore\n@first\n@second(\n    1)\ndef f():\n    pass\n"
    [comment] = read_comments(text)
    assert (comment.first, comment.last) == (2, 5)
    [comment] = read_comments("y = (a\n  @ b)  # perflint: ignore\nz = 1\n")
    assert (comment.first, comment.last) == (1, 2)


# What the comments themselves are told. The findings are given, as all rules made them.
EVERY = vocabulary(all_rules())
RAN = frozenset(EVERY.codes.values())
ITEM = Finding("t.py", Span(1, 8, 1, 19), "PFL101", "item-in-hot-path", "waits")
HIDDEN = replace(ITEM, code="PFL104", rule="host-copy", severity=Severity.INFO)


def _judged(
    text: str, *findings: Finding, ran: frozenset[str] = RAN, known: Vocabulary = EVERY
) -> list[tuple[str, str]]:
    _, meta = judge_comments(findings, text, "t.py", ran, known)
    return [(finding.code, finding.message) for finding in meta]


def _told(text: str, *findings: Finding, ran: frozenset[str] = RAN - {"PFL902"}) -> list[str]:
    return [code for code, _ in _judged(text, *findings, ran=ran)]


def test_findings_and_what_is_said_of_comments_come_apart() -> None:
    text = "total = loss.item()  # perflint: ignore[PFL101, PFL104]\n"
    kept, meta = judge_comments([ITEM, replace(ITEM, code="PFL102")], text, "t.py", RAN, EVERY)
    assert [finding.code for finding in kept] == ["PFL102"]
    assert [finding.code for finding in meta] == ["PFL901", "PFL902"]
    assert meta[0].message == "`PFL104` silences nothing here"
    assert meta[0].span == Span(1, 21, 1, 55)


@pytest.mark.parametrize(
    ("text", "findings", "codes"),
    [
        ("x = a.item()  # perflint: ignore[PFL101] why\n", [ITEM], []),
        ("x = a.item()  # perflint: ignore[PFL101] why\n", [], ["PFL901"]),
        ("x = a.item()  # perflint: ignore[PFL10] why\n", [ITEM], []),
        ("x = a.item()  # perflint: ignore[host-copy] why\n", [HIDDEN], []),
        ("x = a.item()  # perflint: ignore\n", [], ["PFL901"]),
        ("x = a.item()  # perflint: ignore\n", [HIDDEN], []),
        ("x = a.item()  # noqa\n", [], []),
        ("x = a.item()  # noqa: E501, ABC123\n", [], []),
        ("x = a.item()  # noqa: PFL101\n", [], ["PFL901"]),
        ("x = a.item()  # noqa: PFL999\n", [], ["PFL903"]),
        ("# perflint: ignore-file[PFL6] why\nx = 1\n", [], ["PFL901"]),
        ("# perflint: off why\n# perflint: on\n", [], ["PFL901", "PFL901"]),
        ("x = 1  # perflint: ignore[PFL901] meta is never judged\n", [], []),
        ("x = 1  # perflint: ignore[PFL101, PFL901] kept on purpose\n", [], []),
        ("x = 1  # perflint: ignore[nonsense] why\n", [], ["PFL903"]),
        ("x = 1  # perflint: ignore[] why\n", [], ["PFL903"]),
        ("x = 1  # perflint: on\n", [], ["PFL904"]),
        ("# perflint: off\nx = 1\n# perflint: on[PFL101]\n", [], ["PFL901", "PFL904"]),
        ("x = (  # perflint: ignore[PFL101]\n", [], []),
        ("x = '''\n# perflint: ignore[nonsense]\n'''\n", [], []),
    ],
)
def test_comments_are_judged(text: str, findings: list[Finding], codes: list[str]) -> None:
    assert _told(text, *findings) == codes


def test_a_comment_is_unused_only_where_its_rule_ran() -> None:
    without = RAN - {"PFL101", "PFL902"}
    for words in ("[PFL101]", "[PFL1]", ""):
        text = f"x = 1  # perflint: ignore{words} why\n"
        assert _told(text) == ["PFL901"]
        assert _told(text, ran=without) == []
    assert _told("x = 1  # perflint: ignore[PFL101] why\n", ran=RAN - {"PFL901", "PFL902"}) == []


def test_reasons_are_asked_for_only_where_wanted() -> None:
    used = "x = a.item()  # perflint: ignore[PFL101]"
    assert _told(used, ITEM, ran=RAN) == ["PFL902"]
    assert _told(f"{used}: steers", ITEM, ran=RAN) == []
    assert _told(used, ITEM) == []


def test_nothing_is_unknown_where_rules_could_not_be_loaded() -> None:
    partly = vocabulary(all_rules(), complete=False)
    assert _judged("x = 1  # perflint: ignore[team-rule] why\n", known=partly) == []


def test_an_unknown_rule_comes_with_the_nearest_one() -> None:
    [(_, message)] = _judged("x = 1  # perflint: ignore[item-in-hotpath] why\n")
    assert message == "there is no rule `item-in-hotpath`; did you mean item-in-hot-path?"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # perflint: ignore[PFL101] why\n", "x = 1\n"),
        ("x = 1  # perflint: ignore[PFL101] why", "x = 1"),
        ("x = 1  # perflint: ignore[PFL101]  # noqa: E501\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # noqa: E501  # perflint: ignore[PFL101]\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # noqa: E501,PFL101 long\n", "x = 1  # noqa: E501 long\n"),
        ("if x:\n    # perflint: ignore\n    y = 1\n", "if x:\n    y = 1\n"),
        ("y = 1\r\n# perflint: ignore\r\nz = 1\r\n", "y = 1\r\nz = 1\r\n"),
        ("y = 1\n# perflint: ignore", "y = 1"),
        ("# perflint: ignore", ""),
        ("# perflint: off\ny = 1\n# perflint: on\nz = 1\n", "y = 1\nz = 1\n"),
        (
            "y = 1  # perflint: ignore[ PFL101 , nonsense]\n",
            "y = 1  # perflint: ignore[nonsense]\n",
        ),
    ],
)
def test_fixing_takes_away_what_is_unused_and_no_more(before: str, after: str) -> None:
    ran = RAN - {"PFL902", "PFL903"}
    _, meta = judge_comments([], before, "t.py", ran, EVERY)
    assert all(finding.fix and finding.fix.safe for finding in meta)
    assert apply_fixes(before, meta) == after
    assert judge_comments([], after, "t.py", ran, EVERY) == ([], [])


def test_text_without_a_comment_for_us_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(text: str) -> list[object]:
        raise AssertionError(text)

    monkeypatch.setattr(suppress, "read_comments", unread)
    for text in ("import os  # noqa: E402\n", "x = 1  # nothing\n", "y = 1  # noqa\n"):
        assert judge_comments([], text, "t.py", RAN, EVERY) == ([], [])
    with pytest.raises(AssertionError):
        judge_comments([], "x = 1  # noqa: PFL1\n", "t.py", RAN, EVERY)


def test_the_rules_about_comments_bear_the_names_that_are_reported() -> None:
    known = {(rule.code, rule.name()) for rule in all_rules()}
    assert set(suppress.META) <= known
