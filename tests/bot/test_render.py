"""Whole comments as golden files, and what every comment promises whatever it is told."""

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("msgspec")
pytest.importorskip("cmarkgfm")
pytest.importorskip("hypothesis")

from torch_perflint.bot import render
from torch_perflint.bot.acks import Ack
from torch_perflint.bot.check import Conclusion
from torch_perflint.bot.commands.command import Command, Word
from torch_perflint.bot.commands.parse import parse as commands_in
from torch_perflint.bot.interim import (
    Approval,
    Ended,
    Running,
    Waiting,
    render_ended,
    render_running,
    render_waiting,
)
from torch_perflint.bot.numbers import MINUS, interval
from torch_perflint.bot.outlook import Outlook
from torch_perflint.bot.render import render_comment
from torch_perflint.bot.report import Report, RunLink
from torch_perflint.bot.state import LastVerdict
from torch_perflint.lints.finding import Severity
from torch_perflint.runners.profiling.profile import LineChange, OperatorChange, ProfileChange
from torch_perflint.runners.result import (
    CounterChange,
    Failure,
    PeakMemory,
    TestResult,
)
from torch_perflint.runners.sample import PerfTest, Reason
from torch_perflint.runners.text.words import STOPPED
from torch_perflint.runners.verdict.compare import Verdict

from .parsed import check_sound, parse
from .reports import (
    BASE,
    BROKEN,
    CONV,
    FASTER,
    GPT,
    HEAD,
    IDENTICAL,
    LINK,
    LOADER,
    MIB,
    NEW,
    REPORTS,
    SKIPPED,
    UNSURE,
    compared,
    failed,
    finding,
    report,
    timed,
)

GOLDEN = Path(__file__).parent / "golden"
LAST = LastVerdict(BASE.sha, "🔴", "test_gpt trains 9.6% slower with this PR")
PAGES = {name: render_comment(made) for name, made in REPORTS.items()} | {
    "running": render_running(
        Running(
            HEAD,
            Outlook(3, 0, 540.0),
            "gpu",
            LastVerdict(BASE.sha, "🔴", "test_gpt trains 9.6% slower with this PR"),
            LINK,
        )
    ),
    "waiting": render_waiting(Waiting(HEAD, Outlook(4, 0, 180.0), LINK)),
    "waiting-for-a-command": render_waiting(
        Waiting(HEAD, last=LAST, approval=Approval.COMMAND, place=(LINK.server, LINK.repository))
    ),
    "waiting-for-a-review": render_waiting(Waiting(HEAD, link=LINK, from_fork=False)),
    "cancelled": render_ended(Ended(HEAD, Conclusion.CANCELLED, link=LINK)),
    "crashed": render_ended(
        Ended(
            HEAD,
            why="the runner was lost",
            link=LINK,
            last=LAST,
        )
    ),
    "acknowledged": render_comment(
        report(GPT),
        (
            Ack(
                GPT.test.id,
                "worth it: the loss of `fp32` is gone",
                "alice",
                "2026-11-23T20:15:00Z",
                HEAD.sha,
                -0.263,
                -0.271,
                -0.255,
            ),
        ),
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_comment_is_as_approved(name: str, update: bool) -> None:
    file = GOLDEN / f"{name}.md"
    if update:
        file.write_text(PAGES[name], encoding="utf-8")
    assert PAGES[name] == file.read_text(encoding="utf-8")


def test_each_golden_file_belongs_to_a_comment() -> None:
    assert {file.stem for file in GOLDEN.glob("*.md")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_every_comment_is_sound_markdown(name: str) -> None:
    check_sound(parse(PAGES[name]))
    assert ("/perflint" in PAGES[name]) == name.startswith(("running", "waiting"))


def test_an_approval_can_be_copied_whole_and_gives_no_command_where_it_stands() -> None:
    page = PAGES["waiting-for-a-command"]
    said = f"/perflint ok {HEAD.sha}\n"
    assert len(HEAD.sha) == 40
    assert parse(page).codes.count(said) == 1
    assert commands_in(page) == ()
    assert commands_in(said) == (Command(Word.OK, sha=HEAD.sha),)


def headline(made: Report) -> str:
    return render_comment(made).splitlines()[0]


SAMPLES = {
    "slower": GPT,
    "counter": CONV,
    "faster": FASTER,
    "faster and over budget": replace(FASTER, counters=CONV.counters),
    "unsure and over budget": replace(UNSURE, counters=CONV.counters),
    "unsure": UNSURE,
    "fails": failed("test_a"),
    "fails and over budget": replace(failed("test_a"), counters=CONV.counters),
    "broken": BROKEN,
    "new": NEW,
    "skipped": SKIPPED,
    "identical": IDENTICAL,
    "same": LOADER,
}


@pytest.mark.parametrize("severity", [None, Severity.WARNING, Severity.INFO])
@pytest.mark.parametrize(("first", "second"), list(combinations(SAMPLES, 2)))
def test_every_mixture_of_results_is_told(
    first: str, second: str, severity: Severity | None
) -> None:
    findings = () if severity is None else (finding(severity=severity),)
    tests = (
        replace(SAMPLES[name], test=PerfTest(f"a.py::{label}", "a.py", 1))
        for name, label in ((first, "test_one"), (second, "test_two"))
    )
    made = report(*tests, findings=findings)
    page = render_comment(made)
    check_sound(parse(page))
    assert "None" not in page
    assert (page[4] in "❌🔴🟠") == (made.status == 1)


def plain(page: str) -> str:
    return page.replace("\N{NO-BREAK SPACE}", " ")


def test_slower_leads_over_a_counter_and_the_counter_is_told_below() -> None:
    page = render_comment(report(CONV, GPT))
    assert headline(report(CONV, GPT)) == (
        "### 🔴 perflint: `test_gpt_train` runs 26.3% slower with this PR"
    )
    assert "**Also:** `test_convnet_train` makes the host wait once more per step" in page


def test_a_test_that_fails_leads_over_one_that_is_slower() -> None:
    assert headline(report(GPT, failed("test_a"))).startswith(
        "### ❌ perflint: perf test `test_a` fails"
    )


def test_a_counter_alone_never_claims_time() -> None:
    page = render_comment(report(CONV, LOADER, findings=(finding(),)))
    before_table = page.split("| |")[0]
    assert "slower" not in before_table
    assert " ms" not in before_table
    assert "slower" in render_comment(report(GPT)).split("| |")[0]


def test_the_cause_joins_the_profile_with_the_finding_on_its_line() -> None:
    on_the_line = finding("minitrain/gpt.py", 41, message="`.item()` waits for the device")
    elsewhere = finding("minitrain/gpt.py", 42, message="`.item()` waits for the device")
    assert "Likely cause: [`minitrain/gpt.py:41`]" in render_comment(report(GPT))
    assert "`.item()` waits for the device (**PFL101**). This changed line went from 1.3 to" in (
        render_comment(report(GPT, findings=(on_the_line,)))
    )
    assert "(**PFL101**)" not in render_comment(report(GPT, findings=(elsewhere,)))


def with_profile(*, line_ms: float, operator_ms: float) -> TestResult:
    """A test whose step grew by 1 ms."""
    return replace(
        GPT,
        comparison=compared(Verdict.SLOWER, -0.1, base_ms=9.0),
        profile=ProfileChange(
            (OperatorChange("aten::mm", 1.0, 1.0 + operator_ms, 3, 4),),
            (LineChange("minitrain/gpt.py", 41, "x = y", 0.0, line_ms, True),),
        ),
    )


def test_an_operator_is_named_where_no_line_explains_enough() -> None:
    page = render_comment(report(with_profile(line_ms=0.1, operator_ms=0.8)))
    assert "Likely cause: `aten::mm` 1.0 → 1.8 ms per step (3 → 4 calls)." in page


def test_no_cause_is_told_where_nothing_explains_enough() -> None:
    page = render_comment(report(with_profile(line_ms=0.1, operator_ms=0.1)))
    assert "Likely cause: unexplained." in page
    assert "Likely cause" not in render_comment(report(replace(GPT, profile=None)))


def test_counts_over_budget_are_visible_and_others_are_folded() -> None:
    visible = plain(render_comment(report(CONV, LOADER))).split("<details>")[0]
    assert "**0 → 1** host syncs" in visible
    grown = timed("test_a", Verdict.SAME, 0.0, counters=(CounterChange("operators", 120, 131),))
    page = plain(render_comment(report(grown)))
    assert "operators" not in page.split("<details>")[0]
    assert "**120 → 131** operators" in page


def test_what_breaks_a_graph_is_named_with_its_line() -> None:
    printed = Reason("graph_breaks", "model.py", 12, "cannot trace `print`")
    known = Reason("graph_breaks", "model.py", 9, "cannot trace `open`", before=1)
    elsewhere = Reason("graph_breaks", "", 0, "a branch on a tensor's value")
    breaks = CounterChange(
        "graph_breaks", 1, 3, base_reasons=(known,), head_reasons=(elsewhere, known, printed)
    )
    folded = plain(render_comment(report(timed("test_a", Verdict.SAME, 0.0, counters=(breaks,)))))
    assert "/model.py#L12): cannot trace `print` and 1 more |" in folded
    over = report(timed("test_a", Verdict.SAME, 0.0, counters=(replace(breaks, over_budget=True),)))
    page = plain(render_comment(over)).split("<details>")[0]
    assert "Likely cause: graph break at [`model.py:12`](https://" in page
    assert "/model.py#L12): cannot trace `print` (and 1 more reason)." in page
    fewer = CounterChange("graph_breaks", 3, 2, head_reasons=(printed, known))
    fine = plain(render_comment(report(timed("test_a", Verdict.SAME, 0.0, counters=(fewer,)))))
    assert "**3 → 2** graph breaks" in fine and "model.py" not in fine


def test_counts_of_several_steps_say_so_wherever_they_are_told() -> None:
    waits = CounterChange("host_syncs", 0, 1, True, steps=4)
    told = report(timed("test_a", Verdict.SAME, 0.0, counters=(waits,)))
    page = plain(render_comment(told))
    assert "more in every 4 steps" in page
    assert "**0 → 1** host syncs in every 4 steps" in page
    assert "per step" not in page.split("<details>")[0].replace("Counted per step", "")


def test_what_is_broken_on_base_is_said_below_the_cause_and_fails_nothing() -> None:
    assert REPORTS["broken"].status == 0
    page = PAGES["slower-and-broken"]
    assert page.split("\n\n")[1].startswith("Likely cause: ")
    assert page.split("\n\n")[2].startswith("`test_diffusion_train` fails on base too")
    assert PAGES["broken"].split("\n\n")[1].startswith("On base: `ModuleNotFoundError")


def test_unsure_results_say_that_they_block_only_where_they_do_not() -> None:
    assert "does not block" in render_comment(report(UNSURE))
    assert "does not block" not in render_comment(replace(report(UNSURE), status=1))


def test_the_smallest_slowdown_is_that_of_the_noisiest_test() -> None:
    assert "would have caught: 7.1%" in render_comment(report(LOADER, UNSURE))


def test_two_tests_of_one_name_are_told_apart() -> None:
    first = replace(GPT, test=PerfTest("a.py::test_x", "a.py", 1))
    second = replace(GPT, test=PerfTest("b.py::test_x", "b.py", 1))
    page = render_comment(report(first, second))
    assert "`a.py::test_x`" in page
    assert "`b.py::test_x`" in page


def test_a_local_run_links_nothing_and_a_run_on_a_server_does() -> None:
    assert parse(PAGES["local"]).links == []
    assert parse(PAGES["slower"]).links


@pytest.mark.parametrize(
    "link",
    [
        RunLink("javascript:alert(1)//", "acme/minitrain", 1),
        RunLink("https://evil.example/?x=", "acme/minitrain", 1),
        RunLink("https://github.com", "acme/../../evil", 1),
        RunLink("https://github.com", "acme/mini)train](x", 1),
        RunLink("https://user@evil.example", "acme/minitrain", 1),
    ],
)
def test_a_server_or_repository_of_a_strange_form_is_not_linked(link: RunLink) -> None:
    assert parse(render_comment(report(GPT, CONV, link=link))).links == []


def test_a_path_cannot_lead_a_link_out_of_the_repository() -> None:
    for path in ("../../../../evil", "/etc/passwd", "a//b", "a/./b", ".."):
        page = render_comment(report(LOADER, findings=(finding(path),)))
        assert not [link for link in parse(page).links if "/blob/" in link]
    odd = render_comment(report(LOADER, findings=(finding("a b/(c)#d?.py"),)))
    assert f"/blob/{HEAD.sha}/a%20b/%28c%29%23d%3F.py#L14" in odd


def test_sections_give_way_in_their_order_and_the_verdict_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    landmarks = {
        "operators": "| Operator | Base |",
        "unchanged": "`test_loader_train`",
        "environment": "| CPU |",
        "findings beyond three": "`a.py:4`",
        "lines": "| Line | | Base |",
    }
    findings = tuple(finding("a.py", line) for line in range(1, 10))
    made = report(GPT, CONV, LOADER, findings=findings, link=None)
    gone: list[str] = []
    for size in range(len(render_comment(made)) + 100, 0, -200):
        monkeypatch.setattr(render, "LARGEST_COMMENT", size)
        page = render_comment(made)
        lost = [name for name, landmark in landmarks.items() if landmark not in page]
        assert lost[: len(gone)] == gone
        gone = lost
        assert page.startswith("### 🔴 perflint: `test_gpt_train` runs 26.3% slower")
        assert "| 🔴 | **−26.3%** [−27.1, −25.5] | `test_gpt_train` |" in plain(page)
        assert page.rstrip().endswith("</sub>")
    assert gone == list(landmarks)


def test_a_faster_test_names_what_shrank() -> None:
    assert "Where it comes from: `aten::mm` 4.4 → 2.4 ms per step (54 → 30 calls)." in (
        render_comment(report(FASTER))
    )


def test_reproduction_names_both_sides_and_quotes_the_tests() -> None:
    odd = replace(GPT, test=PerfTest("a.py::test_$(id)", "a.py", 1))
    page = render_comment(report(odd))
    command = re.search(r"```bash\n(.*)\n```", page)
    assert command is not None
    assert command[1] == (
        f"perflint ci --base {BASE.sha[:12]} --head {HEAD.sha[:12]} -k 'test_$(id)'"
    )
    assert "--head" not in render_comment(report(odd, head=replace(HEAD, snapshot=True)))


@pytest.mark.parametrize(
    ("ids", "expression"),
    [
        (["a.py::test_x[a b]"], "test_x"),
        (["a.py::TestX::test_m"], "test_m"),
        (["a.py::TestX::test_m[a b-c::d[e]]"], "test_m"),
        (["a.py::test_x[1]", "a.py::test_x[2]", "b.py::TestY::test_x"], "test_x"),
        ([f"a.py::test_{n}[{p}]" for n in "abcd" for p in "12"], "'test_a or test_b or test_c'"),
    ],
)
def test_reproduction_names_the_bare_functions_once_each(ids: list[str], expression: str) -> None:
    slower = [replace(GPT, test=PerfTest(each, "a.py", 1)) for each in ids]
    assert f" -k {expression}\n```" in render_comment(report(*slower))


def test_both_ends_of_an_absurd_interval_are_cut_alike() -> None:
    assert interval(19_852.24, 30_000.0) == "[>+999, >+999]"
    assert interval(-0.5, 30_000.0) == f"[{MINUS}50.0, >+999]"
    assert interval(9.99, 9.99) == "[+999.0, +999.0]"


def test_memory_beside_the_tensors_is_told_where_it_differs_by_enough() -> None:
    peak = PeakMemory("cuda", MIB, MIB, 100 * MIB, 120 * MIB, 1000 * MIB, 1001 * MIB)
    page = render_comment(report(timed("test_a", Verdict.SAME, 0.0, peak=peak)))
    assert "the allocator of cuda reserved 120.0 MiB at its peak (+20.0)" in page
    assert "the process held" not in page
    larger = replace(peak, head_host=1200 * MIB)
    page = render_comment(report(timed("test_a", Verdict.SAME, 0.0, peak=larger)))
    assert "the process held (not exact) 1.2 GiB at its peak (+0.2)" in page


def test_a_stopped_run_is_no_green_one() -> None:
    page = PAGES["stopped"]
    assert page.startswith(
        "### ⏹️ perflint: stopped before everything was measured: 1 of 2 perf tests\n"
    )
    assert "Not measured: `test_net_train`." in page
    assert "`test_net_eval`: measured −9.9%, but the run was stopped before fresh processes" in page
    assert "- Exit status 130: the run was stopped" in page
    assert PAGES["stopped-early"].startswith("### ⏹️ perflint: stopped before anything was measured")
    assert "Not measured: `test_net_eval`, `perf_tests/test_train.py`." in PAGES["stopped-early"]


def test_a_regression_leads_over_the_stop_which_is_told_below() -> None:
    page = PAGES["slower-and-stopped"]
    assert page.startswith("### 🔴 perflint: `test_gpt_train` runs 26.3% slower with this PR")
    assert "⏹️ The run was stopped before everything was measured: 1 of 2 perf tests." in page


def test_a_test_that_was_counted_and_not_timed_is_not_measured() -> None:
    cut = replace(GPT, verdict=Verdict.UNSURE, comparison=None, profile=None, reason=STOPPED)
    page = render_comment(report(cut, LOADER, interrupted=True))
    assert "stopped before everything was measured: 1 of 2 perf tests" in page
    assert "Not measured: `test_gpt_train`." in page
    assert "**Why:**" not in page


def test_without_a_pull_request_none_is_spoken_of() -> None:
    for made in REPORTS.values():
        link = replace(LINK, pull_request=None)
        for page in (render_comment(replace(made, link=each)) for each in (None, link)):
            assert "this PR" not in page
            assert "merge" not in page
    assert "with this change" in render_comment(report(GPT, link=None))


@pytest.mark.parametrize(
    ("why", "says"),
    [
        ("in the loop; confirmed, 2 per step", "· confirmed, 2 per step"),
        ("confirmed, 1 in 3 of 13 steps", "· confirmed, 1 in 3 of 13 steps"),
        ("in `fit`; confirmed, outside of steady steps", "· confirmed, outside of steady steps"),
        ("in the loop; not reached", "· not reached"),
        ("runs, and does not wait", "· runs, and does not wait"),
        ("in the loop", None),
        ("a reason that is not reached", None),
        ("x; confirmed, <b>2</b> per step", None),
        ("x; confirmed, 2 per step [y](https://evil.example)", None),
        (None, None),
    ],
)
def test_a_finding_says_what_a_run_has_seen_of_it(why: str | None, says: str | None) -> None:
    page = render_comment(report(findings=(finding(why=why),)))
    [item] = [line for line in page.splitlines() if "PFL101" in line and line.startswith("- ")]
    if says is None:
        assert item.endswith("waits for the device")
    else:
        assert item.endswith(f"waits for the device {says}")


def test_a_perf_test_that_the_change_adds_and_that_fails_never_passed_on_base() -> None:
    failure = Failure("RuntimeError: no data", "")
    added = replace(
        GPT,
        verdict=Verdict.FAILED,
        comparison=None,
        profile=None,
        reason="this change adds the perf test, and it fails",
        base_failure=failure,
        head_failure=failure,
    )
    page = render_comment(report(added))
    assert "This change adds the perf test, and it fails: `RuntimeError: no data`" in page
    assert "passes on base" not in page
    skipped = replace(added, base_failure=None, reason="it is skipped on base and fails on head")
    page = render_comment(report(skipped))
    assert "It is skipped on base and fails on head: `RuntimeError: no data`" in page
    assert "passes on base" in render_comment(report(replace(skipped, reason="")))
