"""The benchmark of the linter: its bars, its table, its sample, and what it refuses to measure."""

import os
import sys
from pathlib import Path

import pytest
from lint_bars import Bar, ratios, row, scaled, table
from lint_corpus import copy, every_nth, pick, python_files
from lint_timing import Job, in_turns, run
from lint_tools import torchfix_count
from torch_perflint import PerflintError


def test_the_median_of_the_pairs_decides() -> None:
    assert Bar("", "", (0.5, 0.9, 7.0), at_most=1).met
    assert not Bar("", "", (0.5, 1.1, 1.2), at_most=1).met
    assert Bar("", "", (99.0, 100.0, 300.0), at_least=100).met
    assert not Bar("", "", (99.0, 99.9, 300.0), at_least=100).met


def test_a_verdict_that_some_pairs_contradict_says_so() -> None:
    assert Bar("", "", (0.5, 0.9, 0.9), at_most=1).verdict == "pass"
    assert Bar("", "", (0.5, 0.9, 1.1), at_most=1).verdict == "pass, barely"
    assert Bar("", "", (0.9, 1.1, 1.1), at_most=1).verdict == "FAIL, barely"
    assert Bar("", "", (2.0, 2.0, 2.0), at_most=1).verdict == "FAIL"


def test_what_was_not_measured_gives_its_reason_and_no_number() -> None:
    bar = Bar("one file", "wall", at_most=2, missing="perflint has no --stdin-filename")
    assert row(bar).endswith("|  |  | at most 2 | not measured: perflint has no --stdin-filename |")
    assert not bar.met


def test_a_row_has_ratio_spread_rounds_and_bar() -> None:
    bar = Bar("TorchFix / perflint", "CPU", (101.4, 99.0, 120.2), at_least=100)
    cells = "| TorchFix / perflint | CPU | 101 | 99 to 120 (3) | at least 100 | pass, barely |"
    assert table([bar]).splitlines()[-1] == cells


def test_a_ratio_without_a_limit_has_no_verdict() -> None:
    assert Bar("", "", (3.0,)).verdict == ""
    assert Bar("", "", (3.0,)).met


def test_ratios_are_of_what_was_measured_side_by_side() -> None:
    assert ratios([1.0, 4.0], [2.0, 2.0]) == (0.5, 2.0)
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [2.0, 2.0])


def test_the_start_is_not_scaled_up() -> None:
    assert scaled(11.0, 1.0, bytes_part=10, bytes_all=100) == 101.0
    assert scaled(11.0, 1.0, bytes_part=10, bytes_all=10) == 11.0


def test_the_sample_is_the_same_whatever_order_the_disk_has(tmp_path: Path) -> None:
    for names in (range(40), reversed(range(40))):
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        for number in names:
            file = root / "pkg" / f"m{number}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    one, other = (pick(python_files(root), 10) for root in sorted(tmp_path.iterdir()))
    assert one == other
    assert len(set(one)) == 10
    assert one != sorted(one)[:10]


def test_a_small_corpus_is_taken_whole() -> None:
    assert sorted(pick(["a.py", "b.py"], 300)) == ["a.py", "b.py"]


def test_only_the_named_packages_are_sampled(tmp_path: Path) -> None:
    for name in ("timm/a.py", "peft/b.py", "timm/data.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert python_files(tmp_path, ["timm"]) == ["timm/a.py"]
    assert python_files(tmp_path) == ["peft/b.py", "timm/a.py"]


def test_every_nth_is_a_share_of_all_sizes() -> None:
    assert every_nth([str(n) for n in range(30)], 10) == ["5", "15", "25"]
    assert every_nth(["only"], 10) == ["only"]


def test_a_copy_knows_its_lines_and_where_torch_is(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import torch\nx = 1\n")
    (tmp_path / "b.py").write_text("x = 1\n")
    sample = copy(tmp_path, ["a.py", "b.py"], tmp_path / "sample")
    assert sample.lines == {"a.py": 2, "b.py": 1}
    assert sample.with_torch == {"a.py"}
    assert sample.bytes_with_torch() == len("import torch\nx = 1\n")
    with pytest.raises(PerflintError, match="--corpus"):
        copy(tmp_path, [], tmp_path / "nothing")


def job(code: str, folder: Path, name: str = "job") -> Job:
    return Job(name, (sys.executable, "-c", code), folder)


def test_a_run_is_measured_on_one_core_with_all_that_it_starts(tmp_path: Path) -> None:
    spin = "import time\nwhile time.process_time() < 0.2: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}]); print('did')"
    done = run(job(code, tmp_path))
    assert done.said == "did\n"
    assert done.cpu_s >= 0.2
    assert done.wall_s >= 0.2


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins nothing")
def test_a_run_has_one_core_and_we_keep_ours(tmp_path: Path) -> None:
    mine = os.sched_getaffinity(0)
    assert run(job("import os; print(len(os.sched_getaffinity(0)))", tmp_path)).said == "1\n"
    assert os.sched_getaffinity(0) == mine


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    assert run(job("raise SystemExit(1)", tmp_path)).said == ""
    with pytest.raises(PerflintError, match="status 2:\nno such file"):
        run(job("import sys; sys.stderr.write('no such file'); sys.exit(2)", tmp_path))


def test_who_says_something_else_the_second_time_is_caught(tmp_path: Path) -> None:
    same = job("print(1)", tmp_path, "same")
    assert [done.said for done in in_turns([same], 2)["same"]] == ["1\n", "1\n"]
    forgetful = job("import os; print(os.getpid())", tmp_path, "forgetful")
    with pytest.raises(PerflintError, match="forgetful says something else"):
        in_turns([same, forgetful], 2)


def test_the_order_turns_round_each_time(tmp_path: Path) -> None:
    log = tmp_path / "log"
    jobs = [
        job(f"open({str(log)!r}, 'a').write({name!r})", tmp_path, name) for name in ("a", "b", "c")
    ]
    in_turns(jobs, 3)
    assert log.read_text() == "abccbaabccba"


def test_what_torchfix_checked_is_read_from_its_words() -> None:
    assert torchfix_count("Finished checking 171 files.\n") == 171
    assert torchfix_count("Interrupted!\n") == 0
