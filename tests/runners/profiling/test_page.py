"""A profile as text, as JSON and as a page."""

import json
import re
from dataclasses import replace

import pytest
from torch_perflint import PerflintError
from torch_perflint.runners.profiling.captured import Block, Captured, from_json, to_json
from torch_perflint.runners.profiling.memory import (
    GRADIENTS,
    PARAMETERS,
    Holder,
    Kept,
    Saved,
    StepMemory,
)
from torch_perflint.runners.profiling.page import as_page
from torch_perflint.runners.profiling.profile import (
    LineTime,
    ModuleTime,
    OperatorTime,
    PartTime,
    ProfileSummary,
)
from torch_perflint.runners.profiling.profile_text import as_text

PARTS = (PartTime("compute", 6.5, 0.1, 40.0), PartTime("data loading", 3.5, 0.2, 2.0))
LINES = (
    LineTime("train.py", 12, 6.0, 5.5, 6.5, 0.1, 40.0, 41.0),
    LineTime("data.py", 3, 3.5, 0.0, 3.5),
)
MODULES = (
    ModuleTime("", "", 4.0),
    *(ModuleTime(f"Net.blocks.{n}", "Block", 1.0, 1.5, 1.0, 1.5, 1.0) for n in range(2)),
    ModuleTime("Net", "Net", 0.5, 0.5, 2.5, 3.5, 1.0),
)
SUMMARY = ProfileSummary(
    12,
    (OperatorTime("aten::mm", 5.0, 6.0, 0.1),),
    LINES,
    PARTS,
    10.0,
    unattributed_ms=0.5,
    modules=MODULES,
)
CAPTURED = Captured(
    "perf_tests/test_gpt.py",
    SUMMARY,
    10.0,
    12.5,
    Block("step", 10.0, (Block("train.py:12", 6.5, (Block("aten::mm", 5.0),)),)),
    {"train.py:12": "loss = model(x)", "data.py:3": "return read(index)"},
    {"python": "3.11.7", "torch": "2.13.0", "device": "cpu", "threads": "1"},
    ("3 steps were profiled: the script had no more",),
    "trace.json.gz",
    StepMemory(
        3 << 20,
        7 << 20,
        (Holder("train.py:12", "Net.wide", 4 << 20),),
        (Saved("Net.wide", 2 << 20), Saved("", 1 << 19)),
        (Kept("Net.wide", GRADIENTS, 1 << 20), Kept("Net", PARAMETERS, 1 << 19)),
    ),
)


def data_of(page: str) -> dict[str, object]:
    [text] = re.findall(r'<script type="application/json" id="profile">(.*?)</script>', page, re.S)
    found: dict[str, object] = json.loads(text)
    return found


def test_what_is_written_is_read_back() -> None:
    assert from_json(to_json(CAPTURED), "profile.json") == CAPTURED
    script = replace(CAPTURED, memory=None)
    assert from_json(to_json(script), "profile.json") == script
    assert "alive at the peak" not in as_text(script, 100)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "profile.json is no profile"),
        ("[]", "profile.json is no profile"),
        ('{"version": 9}', "another version"),
        ('{"version": 1}', "no profile"),
        (to_json(CAPTURED).replace('"steps"', '"stops"'), "no profile"),
    ],
)
def test_a_file_that_is_no_profile_is_refused(text: str, says: str) -> None:
    with pytest.raises(PerflintError, match=says):
        from_json(text, "profile.json")


def test_the_text_has_parts_lines_and_operators_with_their_shares() -> None:
    text = as_text(CAPTURED, 100)
    assert "a step takes 10.00 ms (12.50 while it is profiled" in text
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "3.50 35% data loading" in rows
    assert "6.00 60% train.py:12 loss = model(x)" in rows
    assert "5.00 50% 3.00 5.00 Net.blocks.* x2 Block" in rows
    assert "4.00 40% 0.00 in no module" in rows
    assert "1.00 10% 0.50 6.00 Net Net" in rows
    assert "5.00 50% 6 aten::mm" in rows
    assert "0.50 ms of operators belong to no line of this repository" in rows
    assert "4.00 MiB train.py:12 Net.wide" in rows
    kinds = "512 KiB of parameters and buffers, 1.00 MiB of gradients"
    assert f"memory: 3.00 MiB before the step ({kinds})," in " ".join(rows)
    assert "7.00 MiB at its peak; saved for backward: 2.50 MiB" in " ".join(rows)
    assert rows[-1] == "note: 3 steps were profiled: the script had no more"


def test_modules_that_are_too_many_for_the_text_are_told_together() -> None:
    many = tuple(ModuleTime(f"Net.part{n:02}", "Part", 0.5, 0.5) for n in range(10))
    rows = as_text(replace(CAPTURED, summary=replace(SUMMARY, modules=many)), 100).splitlines()
    assert "1.00 10% 0.50 1.00 Net.part07 Part" not in [" ".join(row.split()) for row in rows]
    assert "2.00 20% 1.00 2 more" in [" ".join(row.split()) for row in rows]
    without = as_text(replace(CAPTURED, summary=replace(SUMMARY, modules=())), 100)
    assert "module" not in without.partition("memory:")[0]


def test_the_text_keeps_to_its_width_and_shows_no_control_characters() -> None:
    line = replace(LINES[0], path="a/" * 60 + "train.py")
    source = {f"{line.path}:12": "x = '\x1b[31m' " * 30}
    wild = replace(CAPTURED, summary=replace(SUMMARY, lines=(line,)), source=source, what="\x1b]0;")
    text = as_text(wild, 100)
    assert "\x1b" not in text


def test_the_page_has_all_of_it_and_loads_nothing() -> None:
    page = as_page(CAPTURED)
    data = data_of(page)
    assert data["clock_ms"] == 10.0
    assert data["source"] == CAPTURED.source
    assert not re.search(r"(src|href)\s*=|url\(|@import|https?:", page)
    assert "default-src 'none'" in page


def test_no_name_ends_the_data_of_the_page() -> None:
    hostile = "</script><img src=x onerror=alert(1)><!--\u2028"
    page = as_page(replace(CAPTURED, what=hostile, source={"train.py:12": hostile}))
    assert data_of(page)["what"] == hostile
    assert "<img" not in page
    assert page.count("</script>") == as_page(CAPTURED).count("</script>")


def test_a_page_of_very_many_lines_and_operators_stays_small() -> None:
    lines = tuple(replace(LINES[0], line=n, milliseconds=1 / n) for n in range(1, 20_001))
    operators = tuple(OperatorTime(f"op{n}", 1 / n, 1.0) for n in range(1, 20_001))
    source = {f"train.py:{n}": "x" * 100 for n in range(1, 20_001)}
    modules = tuple(ModuleTime(f"Net.part{n}", "Part", 1 / n) for n in range(1, 20_001))
    summary = replace(SUMMARY, lines=lines, operators=operators, modules=modules)
    page = as_page(replace(CAPTURED, summary=summary, source=source))
    assert len(page.encode()) < 2_000_000
    told = data_of(page)["summary"]
    assert isinstance(told, dict)
    assert (len(told["lines"]), told["more_lines"]) == (500, 19_500)
    # The last row has the rest of the step.
    assert len(told["modules"]) == len(told["each_module"]) == 501
    assert told["modules"][-1]["label"] == "19,500 more"
    whole = sum(1 / n for n in range(1, 20_001))
    assert sum(one["own"] for one in told["modules"]) == pytest.approx(whole)


def test_a_name_that_is_no_unicode_is_escaped() -> None:
    """Python reads a file's name with a byte that is no UTF-8 as a lone surrogate."""
    odd = replace(CAPTURED, what="python tr\udcffain.py", source={"tr\udcff.py:1": "x"})
    text = to_json(odd)
    assert from_json(text.encode().decode(), "x") == odd
    assert odd.what in as_page(odd)
    assert "\udcff" not in as_text(odd, 100)
