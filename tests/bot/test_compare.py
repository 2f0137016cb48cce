"""`perflint compare` judges what a report holds, and refuses what cannot be judged."""

import json
import random
from dataclasses import replace
from math import exp, expm1, log
from pathlib import Path

import pytest

pytest.importorskip("msgspec")
pytest.importorskip("numpy")

from torch_perflint import PerflintError
from torch_perflint.bot.compare import compare, judge_again, main
from torch_perflint.bot.held import How
from torch_perflint.bot.report import Report, write_report
from torch_perflint.runners.compare import Verdict
from torch_perflint.runners.result import CounterChange, DependencyChange, PeakMemory, TestResult
from torch_perflint.runners.sample import Pair, Segment, Side
from torch_perflint.runners.stored import ratio_of_ratios

from .reports import BASE, GPT, MACHINE, report


def _segments(head: float) -> tuple[Segment, ...]:
    """Two launches of three segments, steady but for a little: head takes `head` per step."""
    wobble = (0.0, 1e-6, 2e-6, 3e-6, 2e-6, 1e-6, 0.0, 1e-6, 3e-6, 2e-6)
    pairs = tuple(Pair(0.010 + late, head + late) for late in wobble)
    return tuple(Segment(launch, pairs) for launch in (1, 1, 1, 2, 2, 2))


def stored(seed: int, slower: float = 0.0, *, speed: float = 1.0, **more: object) -> Report:
    """Two launches of six segments on a machine of this speed: head is so much slower than base."""
    draw = random.Random(seed)
    segments = []
    for launch in (1, 2):
        bias = draw.gauss(0, 0.003)
        for _ in range(6):
            drift = 0.010 * speed * exp(draw.gauss(0, 0.1))
            pairs = [
                Pair(drift * exp(draw.gauss(0, 0.05)), drift * exp(draw.gauss(slower + bias, 0.05)))
                for _ in range(24)
            ]
            segments.append(Segment(launch, tuple(pairs)))
    changes = {"harness": "abc", "segments": tuple(segments)} | more
    return report(replace(GPT, **changes), base=BASE)  # type: ignore[arg-type]


def on_another_base(made: Report) -> Report:
    return replace(made, base=replace(BASE, sha="0" * 40))


def held(first: Report, second: Report) -> tuple[How, TestResult]:
    compared, (one,) = compare(first, second, None)
    assert compared.tests[0].how == one.how.value
    return one.how, one.result


def test_with_a_common_base_the_ratio_of_ratios_takes_the_machine_out() -> None:
    """The machine was 1.6 times slower the second time; the head is the same."""
    how, result = held(stored(1), stored(2, speed=1.6))
    assert (how, result.verdict) == (How.RATIO_OF_RATIOS, Verdict.SAME)
    assert result.comparison and result.comparison.low < 0 < result.comparison.high


def test_with_a_common_base_a_slowdown_is_found_on_another_day() -> None:
    how, result = held(stored(1), stored(2, 0.08, speed=0.7))
    assert (how, result.verdict) == (How.RATIO_OF_RATIOS, Verdict.SLOWER)
    assert result.comparison and result.comparison.low < expm1(-0.08) < result.comparison.high


def test_the_ratio_of_ratios_raises_few_false_alarms_and_its_interval_holds() -> None:
    results = [
        held(stored(2 * n, 0.01, speed=1 + n % 3), stored(2 * n + 1, 0.01))[1] for n in range(200)
    ]
    alarms = sum(result.is_regression for result in results)
    around = sum(r.comparison.low <= 0 <= r.comparison.high for r in results if r.comparison)
    assert alarms <= 2
    assert around >= 186  # of 200; 95 % would be 190


@pytest.mark.parametrize("speed", [0.6, 1.0, 1.69])
def test_one_after_the_other_says_nothing_that_sequential_noise_explains(speed: float) -> None:
    how, result = held(stored(1), on_another_base(stored(2, speed=speed)))
    assert (how, result.verdict) == (How.ONE_AFTER_THE_OTHER, Verdict.UNSURE)
    assert result.comparison and result.comparison.low < 0 < result.comparison.high
    assert "one after the other" in result.comparison.warnings[0]


def test_one_after_the_other_still_sees_what_noise_cannot_explain() -> None:
    _, result = held(stored(1), on_another_base(stored(2, log(2.5))))
    assert result.verdict is Verdict.SLOWER


def test_counts_and_memory_lead_and_decide_without_any_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = (CounterChange("host_syncs", 0, 2), CounterChange("operators", 470, 470))
    new = on_another_base(stored(2, counters=more, peak=PeakMemory("cpu", 64 << 20, 65 << 20)))
    write_report(stored(1), tmp_path / "a.json")
    write_report(new, tmp_path / "b.json")
    assert main([str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "exact, per step"
    assert "host syncs 0 -> 2 (over budget)" in lines[1]
    assert "peak memory 67,108,864 -> 68,157,440 bytes" in "".join(lines[:4])
    assert any(line.startswith("unsure") for line in lines)


def test_budgets_are_those_that_the_newer_run_had() -> None:
    more = (CounterChange("host_syncs", 0, 2), CounterChange("operators", 470, 480))
    new = stored(2, counters=more)
    allowed = replace(new, run=replace(new.run, budgets={"host_syncs": 2, "operators": 9}))
    old = stored(1, counters=tuple(replace(one, head=one.base) for one in more))
    over = [one.name for one in held(old, new)[1].over_budget]
    assert over == ["host_syncs"]
    assert [one.name for one in held(old, allowed)[1].over_budget] == ["operators"]


def test_the_more_tests_are_compared_the_more_evidence_each_needs() -> None:
    """The change is 2.8 standard errors: enough for one test, not for one of twenty."""
    (result,) = stored(1).run.tests
    assert result.comparison
    half = 1.96 * 0.012
    one = replace(result.comparison, change=0.0, low=expm1(-half), high=expm1(half))
    slower = replace(one, change=expm1(-0.034), low=expm1(-0.034), high=expm1(-0.034))
    assert ratio_of_ratios(one, slower, 0.02).verdict is Verdict.SLOWER
    assert ratio_of_ratios(one, slower, 0.02, tests=20).verdict is Verdict.UNSURE


def test_what_a_run_could_not_judge_compare_cannot_either() -> None:
    (result,) = stored(1).run.tests
    one = replace(result.comparison, low=expm1(-0.01), high=expm1(0.01), change=0.0)  # type: ignore[type-var]
    slower = replace(one, change=expm1(-0.2), low=expm1(-0.21), high=expm1(-0.19))
    assert ratio_of_ratios(one, slower, 0.02).verdict is Verdict.SLOWER
    hot = replace(slower, spoiled=True, warnings=("spoiled by the GPU's clock",))
    for pair in ((one, hot), (hot, one), (hot, hot)):
        done = ratio_of_ratios(*pair, 0.02)
        assert (done.verdict, done.warnings) == (Verdict.UNSURE, ("spoiled by the GPU's clock",))


def test_json_says_how_each_test_was_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(stored(1), tmp_path / "a.json")
    write_report(stored(2), tmp_path / "b.json")
    assert main([str(tmp_path / "a.json"), str(tmp_path / "b.json"), "--format", "json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["format_version"] == 1
    assert made["tests"][0]["how"] == "ratio of ratios"
    assert made["tests"][0]["time"]["low"] < 0 < made["tests"][0]["time"]["high"]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("cpu", "AMD EPYC 7763"),
        ("gpu", "NVIDIA H100 80GB HBM3 MIG 1g.10gb"),
        ("gpu_uuid", "5fd4f087"),
        ("driver", "570.1"),
        ("torch", "2.12.0"),
        ("python", "3.12.1"),
        ("threads", 4),
        ("platform", "Linux-6.8-x86_64"),
    ],
)
def test_reports_of_another_fingerprint_are_refused_with_a_status_of_their_own(
    part: str, value: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = stored(2)
    machine = replace(MACHINE, **{part: value})  # type: ignore[arg-type]
    new = replace(new, run=replace(new.run, environment=machine))
    write_report(stored(1), tmp_path / "a.json")
    write_report(new, tmp_path / "b.json")
    assert main([str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 4
    assert f"refused: {part} is" in capsys.readouterr().out


def test_another_host_of_the_same_kind_is_no_other_fingerprint() -> None:
    new = stored(2)
    new = replace(new, run=replace(new.run, environment=replace(MACHINE, host="ci-7")))
    assert compare(stored(1), new, None)[0].status == 0


def test_a_base_with_other_dependencies_is_no_common_base() -> None:
    """Without the change, base ran with what the second report's head has."""
    old, new = (
        replace(made, run=replace(made.run, dependencies=(DependencyChange("a", "1", head),)))
        for made, head in ((stored(1), "2"), (stored(2), "3"))
    )
    assert held(stored(1), new)[0] is How.ONE_AFTER_THE_OTHER
    assert held(old, new)[0] is How.RATIO_OF_RATIOS


def test_a_perf_test_that_is_not_the_same_in_both_reports_is_not_compared() -> None:
    how, result = held(stored(1), stored(2, 0.5, harness="xyz"))
    assert (how, result.verdict) == (How.NOT_COMPARED, Verdict.NEW)
    assert "perf test itself" in result.reason


def test_of_two_versions_the_one_that_both_reports_ran_is_compared() -> None:
    other = stored(2, 0.08).run.tests[0]
    both = stored(3, harness="xyz", other=replace(other, version=Side.BASE))
    how, result = held(stored(1), both)
    assert (how, result.verdict, result.harness) == (How.RATIO_OF_RATIOS, Verdict.SLOWER, "abc")


def test_a_head_that_was_not_timed_since_it_is_base_counts_as_base() -> None:
    same = replace(stored(1).run.tests[0], verdict=Verdict.SAME, comparison=None, segments=())
    how, result = held(report(same), stored(2, 0.08))
    assert (how, result.verdict) == (How.RATIO_OF_RATIOS, Verdict.SLOWER)


def test_a_report_whose_own_sides_were_not_comparable_is_refused_as_such() -> None:
    assert compare(stored(1), report(refused="both ran the same copy"), None)[0].status == 3


SLOWER = report(replace(GPT, segments=_segments(0.0115)))


@pytest.mark.parametrize(
    ("words", "verdict"),
    [([], "slower"), (["--min-effect", "0.3"], "same")],
)
def test_stored_step_times_are_judged_anew(
    words: list[str], verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(SLOWER, tmp_path / "report.json")
    assert main([str(tmp_path / "report.json"), *words]) == (verdict == "slower")
    assert verdict in capsys.readouterr().out


def test_step_times_that_no_longer_differ_are_the_same() -> None:
    run = report(replace(GPT, segments=_segments(0.010))).run
    assert judge_again(run, None).tests[0].verdict is Verdict.SAME


@pytest.mark.parametrize(("key", "value"), [("min_effect", -1), ("items", 0)])
def test_a_number_out_of_range_is_refused_and_is_no_traceback(
    key: str, value: float, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    write_report(SLOWER, path)
    made = json.loads(path.read_text())
    made["run"]["tests"][0]["test"][key] = value
    path.write_text(json.dumps(made))
    with pytest.raises(PerflintError, match=f"test_gpt_train': {key} is"):
        main([str(path)])


def test_step_times_at_the_ends_of_what_is_read_can_be_judged(tmp_path: Path) -> None:
    pairs = tuple(Pair(*each) for each in [(1e-12, 1e9), (1e9, 1e-12)] * 6)
    for launches in ((1, 1, 1), (1, 2, 2)):
        segments = tuple(Segment(launch, pairs[launch:]) for launch in launches)
        write_report(report(replace(GPT, segments=segments)), tmp_path / "report.json")
        main([str(tmp_path / "report.json")])


@pytest.mark.parametrize("effect", ["0", "1", "-0.5", "nan"])
def test_a_min_effect_out_of_range_is_refused(effect: str, tmp_path: Path) -> None:
    write_report(SLOWER, tmp_path / "report.json")
    with pytest.raises(PerflintError, match="--min-effect has to be between 0 and 1"):
        main([str(tmp_path / "report.json"), f"--min-effect={effect}"])
