"""What strangers wrote changes nothing but words: no structure, no link, no mention."""

from dataclasses import replace

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("msgspec")
pytest.importorskip("cmarkgfm")
pytest.importorskip("hypothesis")

from hypothesis import given, settings
from torch_perflint.bot.acks import Ack
from torch_perflint.bot.interim import (
    Approval,
    Ended,
    Running,
    Waiting,
    render_ended,
    render_running,
    render_waiting,
)
from torch_perflint.bot.outlook import Outlook
from torch_perflint.bot.page import MOST_ROWS
from torch_perflint.bot.render import LARGEST_COMMENT, render_comment
from torch_perflint.bot.report import Report, Revision
from torch_perflint.bot.state import LastVerdict
from torch_perflint.lints.finding import Severity
from torch_perflint.runners.profiling.memory import LineHeld, MemoryChange, ModuleHeld
from torch_perflint.runners.profiling.profile import (
    LineChange,
    ModuleChange,
    OperatorChange,
    PartChange,
    ProfileChange,
)
from torch_perflint.runners.result import (
    CounterChange,
    Failure,
    FileReason,
    PeakMemory,
    Selection,
    TestResult,
)
from torch_perflint.runners.sample import Environment, PerfTest, Reason, SyncSite
from torch_perflint.runners.verdict.compare import Verdict

from .parsed import Parsed, check_sound, parse
from .reports import (
    GPT,
    LINK,
    LOADER,
    NEW,
    SKIPPED,
    UNSURE,
    compared,
    finding,
    report,
)
from .test_markdown import HOSTILE, TEXTS


def told(text: str) -> Report:
    """A report in which every free text is `text`."""
    test = PerfTest(f"perf.py::{text}", text, 3, 64, text)
    base = replace(GPT, test=test)
    failure = Failure(text, f"{text}\n{text}")
    tests = (
        replace(
            base,
            counters=(
                CounterChange("host_syncs", 0, 1, True, (SyncSite(text, 5, text, 1),)),
                CounterChange(text, 1, 2, True),
                CounterChange("graph_breaks", 0, 2, head_reasons=(Reason(text, text, 5, text),)),
            ),
            unstable=(text,),
            notes=(text,),
            profile=ProfileChange(
                (OperatorChange(text, 1.0, 4.0, 1, 2),),
                (LineChange(text, 5, text, 0.0, 4.0, True),),
                (PartChange(text, 1.0, 4.0, 0.1),),
                modules=(ModuleChange(text, text, 1.0, 4.0), ModuleChange(text, text, 1, 4, 2)),
            ),
        ),
        replace(base, verdict=Verdict.FAILED, reason=text, head_failure=failure),
        replace(base, verdict=Verdict.BROKEN, reason=text, base_failure=failure),
        replace(UNSURE, test=test, comparison=compared(Verdict.UNSURE, 0.0, warnings=(text, text))),
        replace(NEW, test=test, reason=text),
        replace(SKIPPED, test=test, reason=text),
        replace(LOADER, test=test),
    )
    made = report(
        *tests,
        findings=(
            finding(text, 5, message=text, rule=text, why=text),
            finding(text, 6, message=text, severity=Severity.INFO),
        ),
        problems=(text,),
        notes=(text,),
        interrupted=True,
        unmeasured=(f"perf.py::{text}",),
        refused=text,
        selection=Selection(7, 7, (FileReason(text, text),)),
        perflint=text,
        base=Revision(text, text),
        head=Revision(text, text),
        created=text,
    )
    machine = Environment(text, text, text, text, 2, 1, text, text, text, text)
    return replace(made, run=replace(made.run, environment=machine))


def skeleton(parsed: Parsed) -> list[str]:
    # Which words of a sentence are code, and which paths can be linked, depends on the text.
    return [tag for tag in parsed.tags if tag not in ("code", "a")]


def check_inert(made: str, like: str) -> None:
    parsed, benign = parse(made), parse(like)
    assert skeleton(parsed) == skeleton(benign)
    assert parsed.cells == benign.cells
    check_sound(parsed)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_changes_no_structure(text: str) -> None:
    check_inert(render_comment(told(text)), render_comment(told("plain_text")))


@settings(max_examples=60, deadline=None)
@given(TEXTS.filter(lambda text: text.strip() != ""))
def test_no_text_changes_the_structure(text: str) -> None:
    check_inert(render_comment(told(text)), render_comment(told("plain_text")))


def compiled(text: str) -> Report:
    """A report whose first cause is why a graph breaks."""
    reasons = Reason(text, text, 5, text), Reason(text, "", 0, text)
    breaks = CounterChange("graph_breaks", 0, 1, True, head_reasons=reasons)
    return report(replace(LOADER, counters=(breaks,)))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_cause_in_pytorch_s_words_is_inert_too(text: str) -> None:
    page = render_comment(compiled("plain_text"))
    assert "Likely cause: compilation at [`plain_text:5`](https://" in page
    check_inert(render_comment(compiled(text)), page)


def remembering(text: str) -> list[Report]:
    """Reports of more memory: a line, a module, and what is saved for backward is the cause."""
    line = LineHeld(text, 5, text, 1 << 20, 9 << 20, True, text, 3)
    module = ModuleHeld(text, text, 1 << 20, 9 << 20)
    peak = CounterChange("peak_bytes", 1 << 20, 9 << 20, True)
    saved = CounterChange("saved_for_backward_bytes", 1 << 20, 9 << 20, True)
    found = [
        (MemoryChange(1, 2, 1, 2, lines=(line,)), peak),
        (MemoryChange(1, 2, 1, 2, kept=(module,)), peak),
        (MemoryChange(1, 2, 1, 2, saved=(module,)), saved),
    ]
    over = [report(replace(LOADER, counters=(more,), memory=held)) for held, more in found]
    # And where no budget is exceeded, a sentence of its own.
    grown = PeakMemory("cpu", 1 << 20, 9 << 20)
    return over + [report(replace(GPT, peak=grown, memory=held)) for held, _ in found[:2]]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_holds_memory_is_inert_too(text: str) -> None:
    for made, like in zip(remembering(text), remembering("plain_text"), strict=True):
        page = render_comment(like)
        assert "plain_text" in page and "Memory: what a step holds" in page
        check_inert(render_comment(made), page)


@pytest.mark.parametrize("text", ["<img src=x>", "a|b` |", "[x](https://evil.example)", "@octocat"])
def test_the_same_check_catches_text_that_is_put_in_as_it_is(text: str) -> None:
    page = render_comment(told("plain_text"))
    with pytest.raises(AssertionError):
        check_inert(page.replace("`plain_text`", text), page)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_rule_code_of_a_strange_form_is_shown_as_code(text: str) -> None:
    parsed = parse(render_comment(report(findings=(finding(code=text),))))
    check_sound(parsed)
    assert parsed.tags.count("strong") == 1, "only the heading of the list"


def many(count: int, result: TestResult, text: str) -> list[TestResult]:
    return [
        replace(result, test=replace(result.test, id=f"{text}/{number}.py::{text}{number}"))
        for number in range(count)
    ]


@pytest.mark.parametrize("text", ["t" * 300, "`" * 300, "|" * 300, "🔥" * 300], ids="t`|f")
def test_the_largest_report_still_makes_a_sound_comment(text: str) -> None:
    worst = replace(told(text).run.tests[0], verdict=Verdict.SLOWER)
    failing = replace(worst, verdict=Verdict.FAILED, head_failure=Failure(text, f"{text}\n" * 500))
    tests = [*many(5_000, worst, text), *many(100, failing, text), *many(4_900, LOADER, text)]
    findings = tuple(finding(text, n, message=text) for n in range(1, 10_001))
    made = report(*tests, findings=findings, problems=(text,) * 500, notes=(text,) * 500)
    page = render_comment(made)
    assert len(page) <= LARGEST_COMMENT
    parsed = parse(page)
    check_sound(parsed)
    assert page.startswith("### ❌ perflint: perf test ")
    assert "… and 5,080 more perf tests." in page
    assert page.rstrip().endswith("</sub>")
    assert sum(1 for line in page.splitlines() if line.startswith(("| ❌", "| 🔴 "))) >= MOST_ROWS


def test_waiting_and_running_comments_are_inert_too() -> None:
    for text in HOSTILE:
        last = LastVerdict(text, text, text)
        page = render_running(Running(Revision(text, text), Outlook(2, 1, 5.0), text, last, LINK))
        check_sound(parse(page))
        for approval in Approval:
            waiting = Waiting(Revision(text, text), Outlook(1, 2, 5.0), LINK, last, approval)
            check_sound(parse(render_waiting(waiting)))
        ended = Ended(Revision(text, text), why=text, link=LINK, last=last)
        check_sound(parse(render_ended(ended)))


def test_an_acknowledgement_is_inert_too() -> None:
    for text in HOSTILE:
        acks = (
            Ack(GPT.test.id, text, text, text, text, -0.2),
            Ack(text, text, text, text, text, None),
        )
        check_sound(parse(render_comment(report(GPT), acks)))
