"""However much there is to tell, the comment is whole, short enough, and made in linear work."""

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("msgspec")
pytest.importorskip("cmarkgfm")

from torch_perflint.bot.acks import MOST_ACKS, Ack
from torch_perflint.bot.check import LARGEST_SUMMARY, check_of
from torch_perflint.bot.page import MOST_ROWS
from torch_perflint.bot.placed import Placed
from torch_perflint.bot.render import render_comment, render_terminal
from torch_perflint.bot.report import Report
from torch_perflint.bot.sticky import LARGEST_BODY, State, read_marker, room_above, with_marker
from torch_perflint.lints.finding import Finding, Span
from torch_perflint.runners.result import TestResult

from .parsed import check_sound, parse
from .reports import (
    BROKEN,
    CONV,
    FASTER,
    GPT,
    HEAD,
    IDENTICAL,
    LOADER,
    NEW,
    SKIPPED,
    UNSURE,
    failed,
    finding,
    report,
)

EACH = (GPT, CONV, failed("test_a"), UNSURE, FASTER, BROKEN, NEW, IDENTICAL, SKIPPED, LOADER)
MIXES = {
    "slower": (GPT,),
    "over budget": (CONV,),
    "failing": (failed("test_a"),),
    "unsure": (UNSURE,),
    "same": (LOADER,),
    "each": EACH,
}
LONG = "test_swin_transformer_detection_ddp_train[bf16-channels_last-compile-{}-max_autotune]"
ACKS = tuple(
    Ack(
        f"perf/test_{n}.py::{LONG.format(n)}", "because " * 24, "a" * 39, "2026-01-02T03:04:05Z",
        HEAD.sha, -0.2, -0.21, -0.19, counters=(("host_syncs", 3),),
    )
    for n in range(MOST_ACKS)
)  # fmt: skip


def large(kinds: tuple[TestResult, ...], size: int) -> Report:
    tests = []
    for number in range(size):
        result = kinds[number % len(kinds)]
        name = f"perf/team_{number % 97}/test_{number}.py::{LONG.format(number)}"
        tests.append(replace(result, test=replace(result.test, id=name)))
    paths = ("minitrain/gpt.py", "minitrain/steps.py", *(f"src/part_{n}.py" for n in range(99)))
    findings = (
        finding(paths[n % 101], 1 + n % 4999, code=f"PFL{100 + n % 700}") for n in range(size)
    )
    return report(*tests, findings=tuple(findings), found=size)


@pytest.mark.parametrize("name", MIXES)
def test_ten_thousand_tests_and_findings_make_a_comment_that_is_whole(name: str) -> None:
    made = large(MIXES[name], 10_000)
    # As in life: with acknowledgements, and with a marker that remembers them.
    state = State(HEAD.sha, "b" * 40, 812, acks=ACKS)
    page = render_comment(made, ACKS, room_above("default", state), commands=True)
    body = with_marker(page, "default", state)
    assert len(body) <= LARGEST_BODY
    assert read_marker(body) == ("default", state)
    check_sound(parse(page))
    heading = render_comment(report(*made.run.tests[:1], findings=made.lint.findings[:1]))
    assert page[4] in "🔴❌🟠"
    assert name == "each" or page[4] == heading[4]
    shown = re.findall(r"^\| (?:❌|🔴|🟡|🟢) \|", page.split("<details>")[0], re.MULTILINE)
    assert len(shown) >= (0 if name == "same" else MOST_ROWS)
    assert page.rstrip().endswith("</sub>")
    check = check_of(made)
    assert len(check.summary) <= LARGEST_SUMMARY
    assert parse(check.summary).unbalanced == []


def test_html_that_is_cut_off_is_no_whole_comment() -> None:
    page = render_comment(report(GPT, LOADER))
    assert parse(page).unbalanced == []
    assert parse(page[: page.index("</details>")]).unbalanced
    assert parse(page.replace("</details>", "", 1)).unbalanced
    assert parse(page.replace("</sub>", "</sub></details>")).unbalanced


def work(do: Callable[[], object]) -> int:
    """How many of the interpreter's instructions it takes; the same each time."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        do()
    finally:
        sys.settrace(before)
    return count


def growth(do: Callable[[Report], object], kinds: tuple[TestResult, ...], size: int = 60) -> float:
    """How much more work the third part of a report takes than the second; 1 where it is linear."""
    one, two, three = (large(kinds, size * times) for times in (1, 2, 3))
    do(one)  # templates are compiled once
    first, second, third = (work(lambda made=made: do(made)) for made in (one, two, three))  # type: ignore[misc]
    return (third - second) / (second - first)


@pytest.mark.parametrize("name", ["slower", "over budget"])
@pytest.mark.parametrize("do", [check_of, render_comment])
def test_more_to_tell_takes_no_more_than_so_much_more_work(
    name: str, do: Callable[[Report], object]
) -> None:
    assert growth(do, MIXES[name]) < 1.01


def test_a_terminal_takes_no_more_than_so_much_more_work() -> None:
    assert growth(lambda made: render_terminal(made, 100, False), (GPT,), 15) < 1.01


def slow_place(findings: tuple[Finding, ...], path: str, line: int) -> list[Finding]:
    return [f for f in findings if f.path == path and f.span.line <= line <= f.span.end_line]


def test_looking_for_each_test_through_all_findings_fails_the_same_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = large((GPT,), 180).lint.findings

    def naive(self: Placed, path: str, line: int) -> Finding | None:
        # As many as there are in the report that is told.
        here = slow_place(found[: len(self._files) and sum(map(len, _lists(self)))], path, line)
        return min(here, key=lambda f: f.code, default=None)

    monkeypatch.setattr(Placed, "at", naive)
    assert growth(check_of, (GPT,)) > 1.01


def _lists(placed: Placed) -> list[list[Finding]]:
    return [file.findings for file in placed._files.values()]


def test_the_finding_that_says_most_of_a_line_is_found_by_its_place() -> None:
    spans = [(1, 9), (3, 3), (3, 5), (4, 4), (4, 4), (20, 20), (2**31, 2**31)]
    found = tuple(
        finding("a.py", code=f"PFL{900 - n}", **{"span": Span(first, 1, last, 2)})  # type: ignore[arg-type]
        for n, (first, last) in enumerate(spans)
    )
    placed = Placed((*found, finding("b.py", 3)))
    for line in (0, 1, 2, 3, 4, 5, 6, 9, 10, 19, 20, 21, 2**31, 2**31 + 1):
        here = slow_place(found, "a.py", line)
        best = min(here, key=lambda f: (f.span.end_line - f.span.line, f.code), default=None)
        assert placed.at("a.py", line) == best
    assert placed.at("c.py", 3) is None
    assert placed.at("b.py", 3) == finding("b.py", 3)
