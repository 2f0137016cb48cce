"""The report as plain text: the same verdicts, and nothing that a terminal or CI would obey."""

import re
from dataclasses import replace

import pytest
from torch_perflint.bot.render import render_terminal
from torch_perflint.runners.result import Failure
from torch_perflint.runners.verdict.compare import Verdict

from .reports import CONV, FASTER, GPT, IDENTICAL, LOADER, REPORTS, failed, finding, report


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_ends_with_its_exit_status(name: str) -> None:
    made = REPORTS[name]
    text = render_terminal(made, 100, color=False)
    ending = text[text.rindex("\nexit status ") + 1 :].splitlines()
    assert ending[0].startswith(f"exit status {made.exit_status}: ")
    assert all(line.startswith("    ") for line in ending[1:])
    for result in made.run.tests:
        assert re.search(rf"^{result.verdict.value} +{result.test.name} ", text, re.MULTILINE)


def test_numbers_and_counters_of_a_test_stand_together() -> None:
    lines = render_terminal(report(GPT, CONV, LOADER), 100, color=False).splitlines()
    assert "test_gpt_train" in lines[1]
    assert "−26.3% [−27.1, −25.5]" in lines[1]
    assert "24.5k tokens/s" in lines[1]
    below = [line.strip() for line in lines]
    assert below.index("operators 470 → 602 per step") < below.index(
        "host syncs 0 → 1 per step, over budget at minitrain/steps.py:14"
    )
    assert "throughput [95% CI]" in lines[0]
    assert "throughput: head against base; + is faster, − is slower" in lines
    assert "is faster" not in render_terminal(report(IDENTICAL), 100, color=False)


def test_what_a_test_achieves_and_compiles_has_a_line_each() -> None:
    lines = render_terminal(report(FASTER, LOADER), 100, color=False).splitlines()
    achieved = lines.index("    achieved 1.20 → 1.42 TFLOP/s, MFU 38.1% → 45.1%")
    assert [line.strip() for line in lines[achieved : achieved + 2]] == [
        "achieved 1.20 → 1.42 TFLOP/s, MFU 38.1% → 45.1%",
        "compiled in 12.3 s cold (was 11.9), 3.1 s warm (was 3.0)",
    ]
    unchanged = replace(FASTER, verdict=Verdict.SAME)
    assert "FLOP/s" not in render_terminal(report(unchanged), 100, color=False)


def test_color_paints_verdicts_and_without_it_no_escape_is_written() -> None:
    assert "\x1b[31mslower" in render_terminal(report(GPT), 100, color=True)
    assert "\x1b" not in render_terminal(report(GPT), 100, color=False)


def test_long_names_are_shortened_until_the_table_fits() -> None:
    long = failed("test_with_a_name_" + "that_never_ends_" * 10)
    for width in (90, 100, 200):
        text = render_terminal(report(GPT, CONV, long), width, color=False)
        table = text.split("\n\n")[0].splitlines()
        assert max(map(len, table)) <= width


def test_output_of_a_test_is_no_command_and_no_escape() -> None:
    hostile = "::error::x\n\x1b[31m::set-output name=a::b\n\u202e"
    test = failed("::add-mask::x")
    test = type(test)(test.test, test.verdict, head_failure=Failure(hostile, hostile))
    made = report(
        test,
        findings=(finding("::warning::.py", message=hostile),),
        problems=(hostile,),
        notes=(hostile,),
    )
    text = render_terminal(made, 100, color=False)
    assert not re.search(r"^\s*::", text, re.MULTILINE)
    assert "\x1b" not in text
    assert "\u202e" not in text
    # The same text, written as it is, would be a command.
    assert re.search(r"^\s*::", hostile, re.MULTILINE)


def test_what_the_change_edits_of_its_perf_tests_stands_first() -> None:
    note = "this change edits perf_tests/test_gpt.py: head's version and base's version were each"
    text = render_terminal(report(GPT, notes=(note,)), 100, color=False)
    assert text.splitlines()[0] == f"note: {note}"


def test_the_cause_of_a_slower_test_stands_before_its_counts() -> None:
    lines = render_terminal(report(GPT, findings=(finding(),)), 400, color=False).splitlines()
    assert lines[2].strip() == (
        "Likely cause: minitrain/gpt.py:41 — projected = self.qkv(x).chunk(3, dim=-1)[part]. This "
        "changed line went from 1.3 to 4.1 ms per step; a whole step takes 2.8 ms longer. Largest "
        "growth: aten::mm 2.4 → 4.4 ms per step (30 → 54 calls)."
    )
    assert lines[3].strip() == "operators 470 → 602 per step"


def test_what_to_do_is_never_clipped() -> None:
    remedy = "make the step smaller, or raise the limit `max_seconds`; " * 8 + "that was all"
    note = replace(GPT, notes=(remedy,))
    for width in (60, 100):
        text = render_terminal(report(note, notes=(remedy,)), width, color=False)
        assert " ".join(text.split()).count(remedy) == 2
        told = text[: text.index("\n\n")].splitlines()
        assert max(map(len, told)) <= width
        assert all(line.startswith("    ") for line in told[1:])


def test_at_most_three_counts_stand_in_the_terminal() -> None:
    lines = render_terminal(REPORTS["bytes"], 100, color=False).splitlines()
    at = lines.index("    host syncs 0 → 1 per step, over budget")
    assert [line.strip() for line in lines[at : at + 4]] == [
        "host syncs 0 → 1 per step, over budget",
        "peak 3,034,152 → 3,034,164 bytes per step, over budget",
        "flops 613.4M → 868.2M per step",
        "… and 1 more count (comment.md)",
    ]
    assert "more count" not in render_terminal(report(CONV), 100, color=False)


def test_what_a_stopped_run_did_not_reach_is_named() -> None:
    text = render_terminal(REPORTS["stopped"], 100, color=False)
    assert "stopped before everything was measured: 1 of 2 perf tests" in text
    assert "not measured: test_net_train" in text
    assert "no verdict: the run was stopped before fresh processes could confirm it" in text
    assert "note: stopped by the user" not in text
    assert "exit status 130: " in text


def test_tests_that_the_change_cannot_affect_are_counted() -> None:
    one = render_terminal(report(GPT, found=2), 100, color=False)
    assert "1 of 2 perf tests not affected by this change" in one
    assert "not affected" not in render_terminal(report(GPT), 100, color=False)


def test_a_repository_without_perf_tests_is_told_how_to_get_one() -> None:
    text = render_terminal(REPORTS["no-perf-tests"], 200, color=False)
    assert "no perf tests (functions marked with pytest.mark.perf)" in text
    assert "`perflint demo` makes a repository with three to copy from" in text


def test_a_wrapped_line_is_no_command_either() -> None:
    note = "x" * 60 + " ::error::planted ##[add-mask]y"
    text = render_terminal(report(replace(GPT, notes=(note,)), notes=(note,)), 66, color=False)
    assert text.count("::error::planted") == 2
    assert not re.search(r"^\s*::", text, re.MULTILINE)
    assert "##[" not in text


def test_what_the_notes_of_the_run_tell_is_not_told_again_below_the_test() -> None:
    note = "head's version of the test says same; base's version says broken (x)"
    test = replace(GPT, notes=(note, "another"))
    text = render_terminal(report(test, notes=(f"test_gpt_train: {note}",)), 100, color=False)
    assert " ".join(text.split()).count(note) == 1
    assert "another" in text
