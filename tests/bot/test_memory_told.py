"""What holds more memory is named where a peak grew visibly, or more than it may."""

from dataclasses import replace

import pytest
from torch_perflint.bot.memory_cause import LineHolds, ModuleKeeps, ModuleSaves, cause_of_memory
from torch_perflint.bot.render import render_comment, render_terminal
from torch_perflint.bot.report import decode_report
from torch_perflint.runners.profiling.memory import LineHeld, MemoryChange, ModuleHeld
from torch_perflint.runners.result import CounterChange, PeakMemory, TestResult
from torch_perflint.runners.verdict.compare import Verdict

from .parsed import check_sound, parse
from .reports import MIB, report, timed
from .test_inert import check_inert
from .test_markdown import HOSTILE

MEMORY = MemoryChange(
    100 * MIB,
    220 * MIB,
    40 * MIB,
    60 * MIB,
    lines=(
        LineHeld("model.py", 31, "y = self.mlp(x)", 0, 96 * MIB, True, "GPT.blocks.*.mlp", 2),
        LineHeld("model.py", 12, "q = x", 4 * MIB, 4 * MIB + 8),
        LineHeld("", 0, "", 9 * MIB, 6 * MIB),
    ),
    kept=(
        ModuleHeld("GPT.head", "optimizer state", 0, 10 * MIB),
        ModuleHeld("GPT.head", "gradients", 0, 5 * MIB),
        ModuleHeld("GPT.head", "parameters and buffers", 0, MIB // 2),
    ),
    saved=(ModuleHeld("GPT.blocks.*.mlp", "", 5 * MIB, 53 * MIB),),
)


def grown(memory: MemoryChange | None = MEMORY, *, over: bool = False, **more: int) -> TestResult:
    base, head = more.get("base", 100 * MIB), more.get("head", 220 * MIB)
    return replace(
        timed(
            "test_a", Verdict.SAME, 0.0, counters=(CounterChange("peak_bytes", base, head, over),)
        ),
        peak=PeakMemory("cpu", base, head),
        memory=memory,
    )


def test_a_peak_that_grew_visibly_is_told_in_one_line_with_what_holds_it() -> None:
    page = render_comment(report(grown()))
    assert "\n**Memory:** `test_a` peak +120.00 MiB: [`model.py:31`](https://" in page
    assert (
        "#L31) holds 96.00 MiB more at the peak (in `GPT.blocks.*.mlp` and 1 more module).\n"
        in page
    )
    assert page.split("<details>")[0].count("model.py") == 2, "as its text and its address"
    assert "| +96.00\xa0MiB | alive at the peak | [`model.py:31`]" in page
    assert "| −3.00\xa0MiB | alive at the peak | – | 9.00\xa0MiB | 6.00\xa0MiB |  |" in page
    assert "| +10.00\xa0MiB | optimizer state | `GPT.head` |" in page
    assert "| +48.00\xa0MiB | saved for backward | `GPT.blocks.*.mlp` |" in page
    # Eight bytes, and half of a hundredth of the largest difference.
    assert "model.py:12" not in page and "parameters and buffers" not in page
    text = render_terminal(report(grown()), 200, False)
    assert "peak +120.00 MiB: model.py:31 holds 96.00 MiB more at the peak" in text


def test_a_peak_over_its_budget_has_it_as_its_cause_and_says_it_once() -> None:
    page = render_comment(report(grown(over=True))).split("<details>")[0]
    assert "Likely cause: [`model.py:31`](https://" in page
    assert "holds 96.00 MiB more at the peak" in page
    assert "**Memory:**" not in page
    assert "| 🔴 |" in page and "#L31)\xa0+96.00\xa0MiB |" in page


@pytest.mark.parametrize(
    "result",
    [
        grown(None),
        grown(head=101 * MIB),
        # Nothing holds a quarter of it.
        grown(replace(MEMORY, lines=(), kept=())),
        grown(replace(MEMORY, lines=(replace(MEMORY.lines[0], head=29 * MIB),))),
    ],
    ids=["nobody looked", "too little", "no holders", "none holds a quarter"],
)
def test_nothing_is_said_where_nothing_explains_it(result: TestResult) -> None:
    page = render_comment(report(result))
    assert "**Memory:**" not in page and "model.py" not in page.split("<details>")[0]


def test_what_holds_most_is_the_cause() -> None:
    peak = CounterChange("peak_bytes", 0, 40 * MIB)
    assert cause_of_memory(MEMORY, peak) == LineHolds(MEMORY.lines[0])
    kept = cause_of_memory(replace(MEMORY, lines=()), peak)
    assert kept == ModuleKeeps("GPT.head", 15 * MIB + MIB // 2, ("optimizer state", "gradients"))
    saved = CounterChange("saved_for_backward_bytes", 0, 4 * 48 * MIB, steps=4)
    assert cause_of_memory(MEMORY, saved) == ModuleSaves(MEMORY.saved[0])
    assert cause_of_memory(MEMORY, replace(saved, head=4 * 200 * MIB)) is None
    assert cause_of_memory(MEMORY, CounterChange("operators", 0, 9)) is None


def test_what_other_lines_hold_less_is_said_where_it_is_a_quarter() -> None:
    moved = (MEMORY.lines[0], LineHeld("old.py", 3, "y = self.mlp(x)", 90 * MIB, 0))
    page = render_comment(report(grown(replace(MEMORY, lines=moved), head=110 * MIB)))
    assert "holds 96.00 MiB more at the peak (in `GPT.blocks.*.mlp` and 1 more module), and" in page
    assert ", and other lines 90.00 MiB less." in page


def test_each_cause_has_its_words() -> None:
    kept = render_comment(report(grown(replace(MEMORY, lines=()), head=140 * MIB)))
    words = "`GPT.head` keeps 15.50 MiB more between steps (optimizer state, gradients)."
    assert f"peak +40.00 MiB: {words}" in kept
    saves = replace(
        grown(head=100 * MIB),
        counters=(CounterChange("saved_for_backward_bytes", 0, 48 * MIB, True),),
    )
    page = render_comment(report(saves))
    assert "Likely cause: `GPT.blocks.*.mlp` saves 48.00 MiB more for backward." in page
    assert "`GPT.blocks.*.mlp`\xa0+48.00\xa0MiB |" in page
    nameless = replace(MEMORY, lines=(), kept=(replace(MEMORY.kept[0], module=""),))
    told = render_comment(report(grown(nameless, head=120 * MIB)))
    assert "what belongs to no module keeps 10.00 MiB more" in told


def hostile(text: str, *, over: bool) -> TestResult:
    line = LineHeld(text, 5, text, 0, 96 * MIB, True, text, 2)
    held = ModuleHeld(text, text, 0, 96 * MIB)
    return grown(MemoryChange(0, 9, 0, 0, (line,), (held,), (held,)), over=over)


@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_names_of_lines_and_modules_are_inert(text: str, over: bool) -> None:
    plain = render_comment(report(hostile("plain_text", over=over)))
    assert "plain_text:5" in plain.split("<details>")[0]
    check_inert(render_comment(report(hostile(text, over=over))), plain)
    kept = MemoryChange(0, 9, 0, 0, (), (ModuleHeld(text, text, 0, 96 * MIB),))
    check_sound(parse(render_comment(report(grown(kept, over=over)))))


def test_a_report_of_before_is_read_without_it() -> None:
    import json

    import msgspec

    told = report(grown())
    made = json.loads(msgspec.json.encode(told))
    assert decode_report(json.dumps(made).encode(), "new") == told
    del made["run"]["tests"][0]["memory"]
    for counter in made["run"]["tests"][0]["counters"]:
        del counter["base_reasons"], counter["head_reasons"]
    assert decode_report(json.dumps(made).encode(), "old") == report(grown(None))
