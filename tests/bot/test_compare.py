"""`perflint compare` judges what a report holds, and refuses what cannot be judged."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("msgspec")
pytest.importorskip("numpy")

from torch_perflint import PerflintError
from torch_perflint.bot.compare import judge_again, main
from torch_perflint.bot.report import write_report
from torch_perflint.runners.compare import Verdict
from torch_perflint.runners.sample import Pair, Segment

from .reports import GPT, report


def _segments(head: float) -> tuple[Segment, ...]:
    """Two launches of three segments, steady but for a little: head takes `head` per step."""
    wobble = (0.0, 1e-6, 2e-6, 3e-6, 2e-6, 1e-6, 0.0, 1e-6, 3e-6, 2e-6)
    pairs = tuple(Pair(0.010 + late, head + late) for late in wobble)
    return tuple(Segment(launch, pairs) for launch in (1, 1, 1, 2, 2, 2))


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
