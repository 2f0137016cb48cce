"""`perflint compare` judges what a report holds, and refuses what cannot be judged."""

import json
import random
import re
from dataclasses import replace
from math import exp, expm1, log
from pathlib import Path

import pytest

pytest.importorskip("msgspec")
pytest.importorskip("numpy")

from torch_perflint import PerflintError
from torch_perflint.bot.compare import compare, judge_again, main
from torch_perflint.bot.held import How
from torch_perflint.bot.report import Report, Revision, write_report
from torch_perflint.runners.result import (
    CounterChange,
    DependencyChange,
    Failure,
    FileReason,
    PeakMemory,
    Selection,
    TestChoice,
    TestResult,
)
from torch_perflint.runners.sample import Pair, Segment, Side
from torch_perflint.runners.verdict.compare import Verdict
from torch_perflint.runners.verdict.stored import ratio_of_ratios

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
    assert lines[2] == "exact, per step"
    assert "host syncs 0 → 2 per step, over budget" in lines[3]
    assert lines[5] == "  test_gpt_train: peak 67,108,864 → 68,157,440 bytes per step"
    assert any(line.startswith("unsure") for line in lines)
    assert lines[-1].startswith("exit status 1: test_gpt_train counts more host syncs per step")


def shown(capsys: pytest.CaptureFixture[str], *words: object) -> list[str]:
    main([str(word) for word in words])
    return capsys.readouterr().out.splitlines()


def test_the_text_says_what_is_compared_and_both_ratios_to_base(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second machine was 1.6 times slower: step times side by side would say nonsense."""
    first = replace(stored(1, -0.09), head=Revision("1c48ddf" + "0" * 33, "working tree", True))
    second = replace(stored(2, speed=1.6), head=Revision("ae71e14" + "0" * 33, "work"))
    write_report(first, tmp_path / "a.json")
    write_report(second, tmp_path / "b.json")
    lines = shown(capsys, tmp_path / "a.json", tmp_path / "b.json")
    common = f"common base {BASE.sha[:7]}"
    assert lines[0] == f"head 1c48ddf (working tree) → ae71e14 (work), {common}"
    (row,) = [line for line in lines if line.startswith("slower")]
    both = re.findall(r"([−+]?\d+\.\d%) to base", row)
    assert [float(one.strip("%").replace("−", "-")) for one in both] == pytest.approx(
        [9.4, 0.0], abs=1.0
    )
    assert " ms" not in "".join(lines)
    assert lines[-1].startswith("exit status 1: test_gpt_train is slower (−")


def test_without_a_common_base_both_bases_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(stored(1), tmp_path / "a.json")
    write_report(on_another_base(stored(2)), tmp_path / "b.json")
    lines = shown(capsys, tmp_path / "a.json", tmp_path / "b.json")
    assert lines[0].endswith(f"no common base: {BASE.sha[:7]} and 0000000")
    assert "to base" not in "".join(lines)


def test_the_same_peak_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def with_peak(seed: int, size: int) -> Report:
        counters = (CounterChange("peak_bytes", size, size),)
        return stored(seed, counters=counters, peak=PeakMemory("cpu", size, size))

    write_report(with_peak(1, 1 << 20), tmp_path / "a.json")
    write_report(with_peak(2, 2 << 20), tmp_path / "b.json")
    text = "\n".join(shown(capsys, tmp_path / "a.json", tmp_path / "b.json"))
    assert text.count("1,048,576 → 2,097,152") == 1


def test_one_report_says_what_was_held_against_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(stored(1), tmp_path / "report.json")
    lines = shown(capsys, tmp_path)  # the folder that `ci --out` wrote
    assert lines[0] == "head 4f1c2ab (HEAD) against base 9e0d771 (main), judged again"
    assert lines[-1] == "exit status 0: nothing stands against this change"


def unaffected(made: Report, *, runs: bool = False) -> Report:
    """A report whose change cannot affect the perf test (or whose user left it out by -k)."""
    test = made.run.tests[0].test
    choice = TestChoice(test.path, (test.name,), runs, "")
    selection = Selection(1, int(runs), (), (choice,))
    return replace(made, run=replace(made.run, tests=(), selection=selection))


def test_a_head_whose_change_does_not_affect_a_test_counts_as_base() -> None:
    more = (CounterChange("host_syncs", 0, 2),)
    how, result = held(unaffected(stored(1)), stored(2, 0.08, counters=more))
    assert (how, result.verdict) == (How.RATIO_OF_RATIOS, Verdict.SLOWER)
    assert [one.name for one in result.over_budget] == ["host_syncs"]
    assert "the first report does not affect it" in result.notes[0]


def test_what_a_run_could_not_tell_of_its_head_is_not_told_against_base() -> None:
    """Fresh processes did not agree: as good as base or not, the first head is base here."""
    new = stored(2, 0.08)
    segments = [
        replace(one, pairs=tuple(replace(p, head=p.base) for p in one.pairs))
        if one.launch == 2 and number % 2
        else one
        for number, one in enumerate(new.run.tests[0].segments)
    ]
    doubtful = replace(new.run.tests[0], segments=tuple(segments))
    again = judge_again(replace(new.run, tests=(doubtful,)), None).tests[0]
    assert again.verdict is Verdict.UNSURE
    new = replace(new, run=replace(new.run, tests=(doubtful,)))
    how, result = held(unaffected(stored(1)), new)
    assert (how, result.verdict) == (How.RATIO_OF_RATIOS, Verdict.UNSURE)
    assert result.comparison and again.comparison
    assert result.comparison.warnings == again.comparison.warnings


def test_what_only_the_second_change_leaves_alone_is_compared_as_well() -> None:
    """The first head was slower than base, and the second one is base."""
    more = (CounterChange("host_syncs", 0, 2),)
    how, result = held(stored(1, 0.08, counters=more), unaffected(stored(2)))
    assert (how, result.verdict) == (How.RATIO_OF_RATIOS, Verdict.FASTER)
    assert [(one.base, one.head) for one in result.counters] == [(2, 0)]
    assert not result.over_budget


def test_an_unaffected_head_says_nothing_of_another_base() -> None:
    how, result = held(unaffected(stored(1)), on_another_base(stored(2)))
    assert (how, result.verdict) == (How.NOT_COMPARED, Verdict.UNSURE)
    assert result.reason == "not run in the first report: its change did not affect it"


def test_a_test_that_was_left_out_of_the_first_run_is_no_new_one() -> None:
    how, result = held(unaffected(stored(1), runs=True), stored(2))
    assert (how, result.verdict) == (How.NOT_COMPARED, Verdict.UNSURE)
    assert result.reason == "not run in the first report"


def test_a_test_that_the_first_report_does_not_know_is_new() -> None:
    other = replace(stored(1), run=replace(stored(1).run, tests=()))
    assert held(other, stored(2))[1].verdict is Verdict.NEW


@pytest.mark.parametrize(
    ("runs", "reason"),
    [
        (None, "the second report has no such perf test"),
        (True, "not run in the second report"),
        (False, "not run in the second report: its change did not affect it"),
    ],
)
def test_a_test_that_only_the_first_report_ran_is_told(runs: bool | None, reason: str) -> None:
    new = on_another_base(unaffected(stored(2), runs=bool(runs)))
    if runs is None:
        new = replace(new, run=replace(new.run, selection=Selection(0, 0)))
    done, (one,) = compare(stored(1, 0.08), new, None)
    assert (one.result.verdict, one.result.reason) == (Verdict.UNSURE, reason)
    assert (one.result.comparison, one.result.counters, done.status) == (None, (), 0)


def test_of_a_head_that_fails_nothing_is_taken_for_a_comparison_of_the_reports() -> None:
    """Its counts are of its own base and head, and the first head has them as well."""
    more = (CounterChange("host_syncs", 0, 2, over_budget=True),)
    failed = {"verdict": Verdict.FAILED, "head_failure": Failure("it dies", "")}
    done, (one,) = compare(stored(1, counters=more), stored(2, counters=more, **failed), None)
    assert (one.how, one.result.verdict) == (How.NOT_COMPARED, Verdict.FAILED)
    assert (one.result.counters, one.result.comparison, one.result.peak) == ((), None, None)
    assert (done.status, len(done.status_reasons)) == (1, 1)


def test_a_newer_run_that_was_stopped_is_no_clean_bill() -> None:
    stopped = replace(stored(2), run=replace(stored(2).run, interrupted=True))
    assert compare(stored(1), stopped, None)[0].status == 2
    assert compare(stopped, stored(1), None)[0].status == 0


def test_of_an_unaffected_test_that_the_second_change_edits_bases_version_counts() -> None:
    new = stored(2, 0.08)
    edits = (FileReason(new.run.tests[0].test.path, "test_gpt_train"),)
    selection = replace(new.run.selection, files=edits)
    edited = replace(new, run=replace(new.run, selection=selection))
    _, result = held(unaffected(stored(1)), edited)
    assert result.verdict is Verdict.NEW
    assert "not the same in both reports" in result.reason
    base = replace(new.run.tests[0], version=Side.BASE)
    both = replace(edited.run, tests=(replace(stored(3).run.tests[0], other=base),))
    _, result = held(unaffected(stored(1)), replace(edited, run=both))
    assert (result.verdict, result.version) == (Verdict.SLOWER, Side.BASE)


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


def test_a_min_effect_may_be_written_in_percent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(SLOWER, tmp_path / "report.json")
    said = [shown(capsys, tmp_path, f"--min-effect={word}") for word in ("0.3", "30%")]
    assert said[0] == said[1] != shown(capsys, tmp_path)
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--min-effect", "small"])
    assert "'small' is no share: write 5 percent as 0.05 or 5%" in capsys.readouterr().err


@pytest.mark.parametrize("effect", ["0", "1", "-0.5", "nan"])
def test_a_min_effect_out_of_range_is_refused(effect: str, tmp_path: Path) -> None:
    write_report(SLOWER, tmp_path / "report.json")
    with pytest.raises(PerflintError, match="--min-effect has to be between 0 and 1"):
        main([str(tmp_path / "report.json"), f"--min-effect={effect}"])
