"""What the check run says: its title, its conclusion and its remarks on lines."""

import contextlib
import io
from dataclasses import replace

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("msgspec")
pytest.importorskip("hypothesis")

from hypothesis import given, settings
from torch_perflint.bot.acks import Ack
from torch_perflint.bot.annotation import Annotation, Level
from torch_perflint.bot.check import (
    LARGEST_SUMMARY,
    LONGEST_MESSAGE,
    LONGEST_TITLE,
    MOST_ANNOTATIONS,
    Conclusion,
    annotations_of,
    check_of,
    check_page,
    conclude,
    is_place,
    title_of,
)
from torch_perflint.bot.gate import FailOn
from torch_perflint.bot.labels import ACKNOWLEDGED, REGRESSION, Change, change, together, wanted
from torch_perflint.bot.log import annotate
from torch_perflint.lints.finding import Severity
from torch_perflint.runners.result import CounterChange
from torch_perflint.runners.sample import SyncSite
from torch_perflint.runners.verdict.compare import Verdict

from .reports import GPT, HEAD, REPORTS, UNSURE, finding, report, timed
from .test_markdown import TEXTS

ACK = Ack(
    GPT.test.id, "worth it", "alice", "2026-01-02T03:04:05Z", HEAD.sha, -0.263, -0.271, -0.255
)
STEADY = timed("test_steady", Verdict.SAME, 0.001)
COUNTS = timed(
    "test_counts",
    Verdict.SAME,
    0.0,
    counters=(
        CounterChange("host_syncs", 0, 1, True, (SyncSite("minitrain/steps.py", 14, "item", 1),)),
    ),
)


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("### 🔴 perflint: `resnet50` is 9.6% slower", "resnet50 is 9.6% slower"),
        ("### ✅ perflint: no performance change", "no performance change"),
        ("### ❌ perflint: perf test ``a`b`` fails", "perf test a`b fails"),
        ("### ❌ perflint: perf test `` `a` `` fails", "perf test `a` fails"),
        ("### ⏸️ perflint: waits for [`4f1c2ab`](https://x/y)", "waits for 4f1c2ab"),
        ("words of a note", "words of a note"),
    ],
)  # fmt: skip
def test_the_title_is_the_headline_without_its_markdown(heading: str, title: str) -> None:
    assert title_of(heading) == title


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_fits_into_a_check(name: str) -> None:
    check = check_of(REPORTS[name])
    assert check.title
    assert "\n" not in check.title
    assert len(check.title) <= LONGEST_TITLE
    assert 0 < len(check.summary) <= LARGEST_SUMMARY
    assert check.status == "completed"


def test_what_has_not_ended_has_no_conclusion() -> None:
    assert check_page("### ⏳ perflint: measuring", None).status == "in_progress"
    assert check_page("### ⏸️ perflint: waiting", None, queued=True).status == "queued"


@pytest.mark.parametrize(
    ("made", "acks", "says"),
    [
        (report(STEADY), (), Conclusion.SUCCESS),
        (report(GPT), (), Conclusion.FAILURE),
        (report(GPT), (ACK,), Conclusion.NEUTRAL),
        (report(COUNTS), (), Conclusion.FAILURE),
        (report(COUNTS), (replace(ACK, test=COUNTS.test.id),), Conclusion.NEUTRAL),
        (report(GPT, COUNTS), (ACK,), Conclusion.FAILURE),
        (report(GPT, UNSURE), (ACK,), Conclusion.NEUTRAL),
        # Doubt fails where the team asked for that, accepted regressions or not.
        (report(GPT, UNSURE, fail_on=FailOn(unsure=True)), (ACK,), Conclusion.FAILURE),
        (report(STEADY, findings=(finding(),)), (), Conclusion.FAILURE),
        (report(STEADY, findings=(finding(),), fail_on=FailOn(None)), (), Conclusion.SUCCESS),
        (report(STEADY, problems=("a.py: no Python",)), (), Conclusion.FAILURE),
        # A report may say of itself what it likes: its tests count.
        (report(GPT, status=0, status_reasons=()), (), Conclusion.FAILURE),
        (report(STEADY, status=1, status_reasons=()), (), Conclusion.FAILURE),
    ],
)  # fmt: skip
def test_the_conclusion_is_that_of_the_gate_less_what_was_accepted(
    made: object, acks: tuple[Ack, ...], says: Conclusion
) -> None:
    assert conclude(made, acks) is says  # type: ignore[arg-type]


def test_a_run_that_was_stopped_is_cancelled_unless_it_found_a_regression() -> None:
    for test, says in ((STEADY, Conclusion.CANCELLED), (GPT, Conclusion.FAILURE)):
        made = report(test)
        stopped = replace(made, run=replace(made.run, interrupted=True), status=2)
        assert conclude(stopped) is says


def test_the_gravest_remarks_come_first_and_each_once() -> None:
    found = (
        finding(line=9, severity=Severity.INFO),
        finding(line=8),
        finding(line=7, severity=Severity.ERROR),
        finding(line=8),
    )
    made = annotations_of(report(STEADY, findings=found))
    assert [(one.level, one.start_line) for one in made] == [
        (Level.FAILURE, 7),
        (Level.WARNING, 8),
        (Level.NOTICE, 9),
    ]


def test_the_lines_that_slow_a_test_down_are_remarked_on() -> None:
    [slow, sync] = annotations_of(report(GPT, COUNTS))
    assert (slow.path, slow.start_line, slow.level) == ("minitrain/gpt.py", 41, Level.FAILURE)
    assert "test_gpt_train runs 26.3% slower" in slow.title
    assert (sync.path, sync.start_line) == ("minitrain/steps.py", 14)


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../up.py", "a/../b.py", "./a.py", "a//b.py", "a\\b.py", "a\nb.py",
             "a\x00.py", "a\u202e.py", "a" * 1025]
)  # fmt: skip
def test_a_place_outside_the_repository_is_none(path: str) -> None:
    assert not is_place(Annotation(path, 1, 1, Level.NOTICE, "t", "m"))


@pytest.mark.parametrize(("first", "last"), [(0, 1), (-1, 5), (5, 4), (1, 2**31)])
def test_lines_that_no_file_has_are_none(first: int, last: int) -> None:
    assert is_place(Annotation("a.py", 1, 9, Level.NOTICE, "t", "m"))
    assert not is_place(Annotation("a.py", first, last, Level.NOTICE, "t", "m"))


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_hostile_text_neither_breaks_a_remark_nor_commands_the_runner(text: str) -> None:
    made = report(STEADY, findings=(finding(text, message=text, rule=text), finding(message=text)))
    for one in annotations_of(made):
        assert is_place(one)
        assert 0 < len(one.message) <= LONGEST_MESSAGE
        assert 0 < len(one.title) <= LONGEST_TITLE
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        annotate(annotations_of(made))
    lines = said.getvalue().splitlines()
    assert len(lines) == len(annotations_of(made))
    assert all(line.startswith("::warning file=") for line in lines)


def test_so_many_remarks_go_to_github_and_no_more() -> None:
    found = tuple(finding(line=line) for line in range(1, 2_000))
    assert len(annotations_of(report(STEADY, findings=found))) == 1_999
    assert len(check_of(report(STEADY, findings=found)).annotations) == MOST_ANNOTATIONS


def test_a_remark_is_written_as_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    annotate([Annotation("a,b:c.py", 3, 4, Level.FAILURE, "slow: 5%", "first\nsecond 100%")])
    assert capsys.readouterr().out == (
        "::error file=a%2Cb%3Ac.py,line=3,endLine=4,title=slow%3A 5%25::first%0Asecond 100%25\n"
    )


def test_labels_follow_the_result() -> None:
    assert wanted(report(STEADY), ()) == ()
    assert wanted(report(GPT), ()) == (REGRESSION,)
    assert wanted(report(GPT), (ACK,)) == (REGRESSION, ACKNOWLEDGED)
    assert wanted(report(GPT, COUNTS), (ACK,)) == (REGRESSION,)


@pytest.mark.parametrize(
    ("results", "says"),
    [
        ([], ()),
        ([(), ()], ()),
        ([(), (REGRESSION,)], (REGRESSION,)),
        ([(REGRESSION, ACKNOWLEDGED), ()], (REGRESSION, ACKNOWLEDGED)),
        ([(REGRESSION, ACKNOWLEDGED), (REGRESSION,)], (REGRESSION,)),
    ],
)
def test_results_of_several_kinds_share_the_labels(
    results: list[tuple[str, ...]], says: tuple[str, ...]
) -> None:
    assert together(results) == says


def test_only_labels_of_ours_change() -> None:
    assert change(["bug", "perf"], [REGRESSION]) == Change((REGRESSION,), ())
    assert change(["bug", REGRESSION.upper()], [REGRESSION]) == Change()
    assert change(["bug", REGRESSION, ACKNOWLEDGED], []) == Change((), (REGRESSION, ACKNOWLEDGED))
