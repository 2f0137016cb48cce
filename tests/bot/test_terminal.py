"""The report as plain text: the same verdicts, and nothing that a terminal or CI would obey."""

import re

import pytest
from torch_perflint.bot.render import render_terminal
from torch_perflint.runners.result import Failure

from .reports import CONV, FASTER, GPT, LOADER, REPORTS, failed, finding, report


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_ends_with_its_exit_status(name: str) -> None:
    made = REPORTS[name]
    text = render_terminal(made, 100, color=False)
    assert text.splitlines()[-1].startswith(f"exit status {made.status}: ")
    for result in made.run.tests:
        assert re.search(rf"^{result.verdict.value} +{result.test.name} ", text, re.MULTILINE)


def test_numbers_and_counters_of_a_test_stand_together() -> None:
    lines = render_terminal(report(GPT, CONV, LOADER), 100, color=False).splitlines()
    assert "test_gpt_train" in lines[1]
    assert "−26.3% [−27.1, −25.5]" in lines[1]
    assert "24.5k tokens/s" in lines[1]
    assert lines[2].strip() == "operators 470 → 602 per step"
    assert "0 → 1 per step, over budget at minitrain/steps.py:14" in lines[4]


def test_what_a_test_achieves_and_compiles_has_a_line_each() -> None:
    lines = render_terminal(report(FASTER, LOADER), 100, color=False).splitlines()
    assert [line.strip() for line in lines[3:5]] == [
        "1.20 → 1.42 TFLOP/s, MFU 38.1% → 45.1%",
        "compiled in 12.3 s cold (was 11.9), 3.1 s warm (was 3.0)",
    ]
    assert "FLOP/s" not in render_terminal(report(GPT), 100, color=False)


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
