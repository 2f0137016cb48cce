"""The peers side by side: which runs there are, what each tool's own words mean, what is told."""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict, replace
from pathlib import Path

import commits
import pytest
import verdict_tools as tools
from commits import refuse_other_commits
from torch_perflint import PerflintError
from verdict_plot import _x, plot
from verdict_runs import KINDS, NUMBERS, Line, missing, order, read
from verdict_table import clopper_pearson, table

LINE = Line(
    *("perflint", "0.1.0", 0, 0, "same", 1.002, 25.0, 1.0, "2.13.0+cpu"),
    *("fdc618b8bfe4", "3a457a01c0de"),
)
SVG = "{http://www.w3.org/2000/svg}"
PLAN = [*order([*tools.TOOLS])]


def told(tool: str, kind: int, verdicts: str) -> list[Line]:
    """A run for each letter: s for slower, f for faster, = for same, u for unsure."""
    words = {"s": "slower", "f": "faster", "=": "same", "u": "unsure"}
    return [
        replace(LINE, tool=tool, kind=kind, number=number, verdict=words[letter])
        for number, letter in enumerate(verdicts)
    ]


def test_every_tool_judges_every_kind_twenty_times_one_after_the_other() -> None:
    assert len(PLAN) == len(set(PLAN)) == len(tools.TOOLS) * len(KINDS) * NUMBERS
    rounds = [PLAN[start : start + 4] for start in range(0, len(PLAN), 4)]
    for planned in rounds:
        assert {one.tool for one in planned} == tools.TOOLS.keys()
        assert len({(one.kind, one.number) for one in planned}) == 1
    # Nobody is always the first; false alarms and the small slowdown share the time.
    assert {planned[0].tool for planned in rounds} == tools.TOOLS.keys()
    *first, last = KINDS
    kinds = [planned[0].kind for planned in rounds]
    assert all({*kinds[start : start + 2]} == {*first} for start in range(0, 2 * NUMBERS, 2))
    assert {*kinds[2 * NUMBERS :]} == {last}
    assert [*order([*tools.TOOLS])] == PLAN


def test_a_recording_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    assert read(file) == []
    done = [
        replace(LINE, tool=one.tool, kind=one.kind, number=one.number)
        for one in (*PLAN[:5], PLAN[7])
    ]
    file.write_text("".join(json.dumps(asdict(line)) + "\n" for line in done))
    assert read(file) == done
    assert missing(PLAN, done, len(PLAN)) == [*PLAN[5:7], *PLAN[8:]]
    assert missing(PLAN, done, 7) == [PLAN[5]]
    assert missing(PLAN, done, 3) == []


def test_runs_of_other_commits_do_not_go_into_the_same_file() -> None:
    known = ["fdc618b8bfe4" + "0" * 28, "3a457a01c0de" + "0" * 28]
    refuse_other_commits([LINE.base, LINE.head], known)
    with pytest.raises(PerflintError, match=r"other commits \(3a457a01c0de\)"):
        refuse_other_commits([LINE.base, LINE.head], known[:1])


def test_commits_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "calibrated", lambda _: dict.fromkeys(commits.TESTS, 2000.0))
    folder = tmp_path / "repository"
    made = commits.make_commits(folder, (0, 5))
    assert made.keys() == {"base", "same", "5"} and len({*made.values()}) == 3
    assert commits.make_commits(folder, (0, 5)) == made
    extra = {name: commits.git(folder, "show", f"{made[name]}:extra.py") for name in made}
    namespaces = {name: text.split("\n\n\n")[1].splitlines()[1] for name, text in extra.items()}
    assert namespaces["base"] == namespaces["same"] and "100" in namespaces["5"]
    with pytest.raises(SystemExit, match="no commits of"):
        commits.make_commits(folder, (0, 5, 10))


# What follows are words of asv 0.6.6, pytest-benchmark 5.3.1 and pyperf 2.11.0, shortened.
ASV_SLOWER = """\
| Change   | Before [9689fbd1] <main~3>   | After [f636d235] <main>   |   Ratio | Benchmark (Parameter)   |
|----------|------------------------------|---------------------------|---------|-------------------------|
| +        | 6.68±0.2ms                   | 9.53±1ms                  |    1.43 | steps.Cnn.time_step     |

SOME BENCHMARKS HAVE CHANGED SIGNIFICANTLY.
PERFORMANCE DECREASED.
"""  # noqa: E501
ASV_SAME = """\
[100.00%] ··· steps.Cnn.time_step                                     7.02±0.4ms

BENCHMARKS NOT SIGNIFICANTLY CHANGED.
"""


def asv_result(seconds: float | None) -> dict[str, object]:
    columns = ["result", "params", "version", "started_at", "duration", "stats_ci_99_a"]
    row = [[seconds], [], "8dfcb6d35f1f", 1795869436684, 3.226, [0.0061155]]
    return {"result_columns": columns, "results": {"steps.Cnn.time_step": row}, "version": 2}


def test_the_words_of_asv() -> None:
    base, head = asv_result(0.00668), asv_result(0.00953)
    slower = tools.asv_told(ASV_SLOWER, base, head)
    assert (slower.verdict, round(slower.ratio, 2)) == ("slower", 1.43)
    faster = tools.asv_told(ASV_SLOWER.replace("DECREASED", "INCREASED"), head, base)
    assert (faster.verdict, round(faster.ratio, 2)) == ("faster", 0.70)
    assert tools.asv_told(ASV_SAME, base, base) == tools.Told("same", 1.0)
    with pytest.raises(PerflintError, match="no result for steps"):
        tools.asv_told(ASV_SAME, base, asv_result(None))
    with pytest.raises(PerflintError, match="asv has not compared"):
        tools.asv_told("No range spec may be specified", base, head)


PYTEST_SLOWER = """\
Performance has regressed:
\ttest_cnn (0001_base) - Field 'mean' has failed PercentageRegressionCheck: 5.815 > 5.000
"""
PYTEST_SAME = """\
test_cnn (0001_base)     5.7874 (1.0)      7.1847 (1.0)      6.1780 (1.0)      0.2745 (1.0)
test_cnn (NOW)           5.9873 (1.03)     7.6981 (1.07)     6.4845 (1.05)     0.3758 (1.37)
======================== 1 passed, 2 warnings in 2.80s =========================
Comparing against benchmarks from: Linux-CPython-3.11-64bit/0001_base.json
"""


def saved(mean: float) -> dict[str, object]:
    return {"benchmarks": [{"name": "test_cnn", "stats": {"mean": mean, "median": 1.0}}]}


def test_the_words_of_pytest_benchmark() -> None:
    slower = tools.pytest_benchmark_told(PYTEST_SLOWER, saved(5.9577), saved(6.3042))
    assert (slower.verdict, round(slower.ratio, 4)) == ("slower", 1.0582)
    same = tools.pytest_benchmark_told(PYTEST_SAME, saved(6.1780), saved(6.4845))
    assert (same.verdict, round(same.ratio, 4)) == ("same", 1.0496)
    with pytest.raises(PerflintError, match="not compared"):
        tools.pytest_benchmark_told("1 error in 0.20s", saved(1), saved(1))
    # Without the file of base it passes, too, and has compared nothing.
    with pytest.raises(PerflintError, match="not compared"):
        tools.pytest_benchmark_told(PYTEST_SAME.split("Comparing")[0], saved(1), saved(1))


PYPERF_SLOWER = """\
Mean +- std dev: [base] 7.26 ms +- 0.89 ms -> [head] 9.43 ms +- 1.15 ms: 1.30x slower
"""
PYPERF_SAME = "Benchmark hidden because not significant (1): test_cnn\n"


def values(*seconds: float) -> dict[str, object]:
    runs = [{"warmups": [[1, 0.0223]]}, {"values": [*seconds], "warmups": [[16, 0.0081]]}]
    return {"benchmarks": [{"runs": runs}]}


def test_the_words_of_pyperf() -> None:
    base, head = values(0.007, 0.009), values(0.010, 0.014)
    assert tools.pyperf_told(PYPERF_SLOWER, base, head) == tools.Told("slower", 1.5)
    faster = PYPERF_SLOWER.replace("slower", "faster")
    assert tools.pyperf_told(faster, head, base).verdict == "faster"
    assert tools.pyperf_told(PYPERF_SAME, base, head) == tools.Told("same", 1.5)
    with pytest.raises(PerflintError, match="not compared"):
        tools.pyperf_told("ERROR: the two files have no benchmark in common", base, head)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0.0, 0.1684), (1, 0.0013, 0.2487), (10, 0.2720, 0.7280), (20, 0.8316, 1.0)],
)
def test_the_interval_of_a_share_is_the_exact_one(count: int, low: float, high: float) -> None:
    # Clopper and Pearson's table for 20.
    assert clopper_pearson(count, 20) == pytest.approx((low, high), abs=1e-4)


def test_the_table_counts_each_tool_by_itself() -> None:
    lines = [*told("perflint", 0, "===u"), *told("perflint", 5, "sss=")]
    lines += [*told("pyperf", 0, "sf=="), *told("pytest-benchmark", 0, "s===")]
    rows = {row.split(" ")[1]: row.split(" | ") for row in table(lines).splitlines()[2:5]}
    assert rows.keys() == {"perflint", "pyperf", "pytest-benchmark"}
    counts = {tool: [cell.split(" (")[0] for cell in row[2:]] for tool, row in rows.items()}
    assert counts == {
        "perflint": ["0 of 4", "0 of 4", "3 of 4", "1 of 8", "25"],
        "pyperf": ["1 of 4", "1 of 4", "not run", "–", "25"],
        "pytest-benchmark": ["1 of 4", "–", "not run", "–", "25"],
    }
    assert "PyTorch 2.13.0+cpu" in table(lines)
    # A kind that nobody ran has no column, and no row in the picture.
    assert "+10 %: slower" not in table(lines)
    assert "+10 % work" not in plot(lines)
    assert "+10 %: slower" in table([*lines, *told("perflint", 10, "s")])


def test_the_picture_has_a_mark_for_each_run_where_its_ratio_is() -> None:
    lines = [*told("perflint", 0, "=u"), *told("perflint", 10, "s"), *told("asv", 0, "f")]
    lines[2] = replace(lines[2], ratio=1.1)
    lines[3] = replace(lines[3], ratio=0.5)
    marks = {
        mark.findtext(f"{SVG}title"): mark
        for mark in ElementTree.fromstring(plot(lines)).iter()
        if mark.find(f"{SVG}title") is not None
    }
    assert marks.keys() == {"+0.2 %, same", "+0.2 %, unsure", "+10.0 %, slower", "-50.0 %, faster"}
    assert float(marks["+0.2 %, same"].attrib["cx"]) == pytest.approx(_x(0.2))
    assert marks["+10.0 %, slower"].attrib["points"].split()[2].split(",")[0] == f"{_x(10)}"
    assert marks["-50.0 %, faster"].attrib["points"].split()[2].split(",")[0] == f"{_x(-10)}"
    assert marks["-50.0 %, faster"].attrib["class"] == "mark faster edge"


def test_the_picture_says_in_words_what_it_shows() -> None:
    root = ElementTree.fromstring(plot([*told("perflint", 0, "==u"), *told("asv", 5, "s")]))
    said = "perflint, same work: 2 same, 1 unsure; asv, +5 % work: 1 slower"
    assert root.attrib["aria-label"] == said
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"perflint", "asv", "2 same, 1 unsure", "1 slower", "25 s a run"} <= {*texts}
    assert "pyperf" not in texts
