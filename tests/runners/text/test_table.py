"""Results as plain text, progress on a terminal and elsewhere, and the options' meaning."""

import argparse
import io
import signal
from functools import partial

import pytest
from torch_perflint import PerflintError
from torch_perflint.runners.config import RunnersConfig
from torch_perflint.runners.counters.compiling import Compiling
from torch_perflint.runners.counters.utilization import Achieved, Utilization
from torch_perflint.runners.options import add_options, configured, orderly_end, run_options
from torch_perflint.runners.result import CounterChange, Failure, TestResult
from torch_perflint.runners.run import RunOptions
from torch_perflint.runners.sample import PerfTest, Reason, SyncSite
from torch_perflint.runners.text.progress import Progress
from torch_perflint.runners.text.table import failures, table, told
from torch_perflint.runners.verdict.compare import Comparison, Verdict

SLOWER = Comparison(Verdict.SLOWER, -0.0962, -0.11, -0.0825, 0.010, 0.0111, 0.03, 120, 3, 2)


def result(name: str, verdict: Verdict, **more: object) -> TestResult:
    return TestResult(PerfTest(f"test_a.py::{name}", "test_a.py", 1), verdict, **more)  # type: ignore[arg-type]


def test_a_row_for_each_test_and_its_reasons_below() -> None:
    site = SyncSite("net.py", 12, "aten::_local_scalar_dense", 1)
    slow = result(
        "test_gpt",
        Verdict.SLOWER,
        comparison=SLOWER,
        counters=(
            CounterChange("host_syncs", 0, 1, over_budget=True, sites=(site,)),
            CounterChange("operators", 7, 7),
            CounterChange("copies", 0, 1, steps=4),
            CounterChange(
                "graph_breaks", 0, 1, head_reasons=(Reason("graph_breaks", "net.py", 9, "a call"),)
            ),
        ),
        notes=("no profile",),
        utilization=Utilization(Achieved(2e9), Achieved(1.8e9), -0.1, -0.11, -0.09),
        compiling=Compiling(head_cold=2.0),
    )
    failed = result("test_cnn[8]", Verdict.FAILED, reason="it fails", head_failure=Failure("E", ""))
    assert table([slow, failed], 100, partial(told, budgets={})).splitlines() == [
        "verdict  perf test    throughput [95% CI]   base          head  peak",
        "slower   test_gpt     −9.6% [−11.0, −8.2]  100.0  90.1 steps/s     –",
        "    host syncs 0 → 1 per step, over budget at net.py:12",
        "    copies 0 → 1 in every 4 steps",
        "    graph breaks 0 → 1 per step at net.py:9: a call",
        "    achieved 2.00 → 1.80 GFLOP/s",
        "    compiled in 2.0 s cold",
        "    no profile",
        "failed   test_cnn[8]                    –      –             –     –",
        "    it fails",
        "throughput: head against base; + is faster, − is slower",
    ]
    assert failures([slow, failed], 100) == "why test_cnn[8]: E"


def test_off_a_terminal_each_sentence_is_a_line() -> None:
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress.say("starting base")
        progress.say("x" * 200)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "[   0 s] starting base"
    assert lines[1].endswith("x" * 200)


def test_on_a_terminal_one_line_is_rewritten_and_cleared_at_the_end() -> None:
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    with Progress(stream) as progress:
        progress.say("x" * 200)
        progress.say("second")
    said = stream.getvalue()
    assert "\n" not in said
    assert said.endswith("second\r\x1b[K")
    assert max(map(len, said.split("\r"))) < 120


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(["--base", "main", *words])


def test_the_command_line_says_what_is_run() -> None:
    assert run_options(parsed()) == RunOptions()
    words = ("-k", "gpt", "--all", "--time-identical", "--seed", "5")
    assert run_options(parsed(*words)) == RunOptions("gpt", True, True, 5)


def test_the_command_line_beats_the_file() -> None:
    config = RunnersConfig(timeout=20, threads=2)
    assert configured(config, parsed()) == config
    assert configured(config, parsed("--timeout", "7")) == RunnersConfig(timeout=7, threads=2)


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_timeout_that_is_no_time_is_refused(seconds: str) -> None:
    with pytest.raises(PerflintError, match="--timeout has to be a number of seconds above 0"):
        configured(RunnersConfig(), parsed("--timeout", seconds))


@pytest.mark.parametrize("ends", [signal.SIGTERM, signal.SIGHUP])
def test_a_cancelled_job_ends_as_ctrl_c_does_and_the_old_handler_comes_back(
    ends: signal.Signals,
) -> None:
    own = signal.signal(ends, signal.SIG_DFL)
    before = signal.getsignal(ends)
    with pytest.raises(KeyboardInterrupt), orderly_end():
        signal.raise_signal(ends)
    assert signal.getsignal(ends) is before
    signal.signal(ends, own)


def test_under_nohup_a_closed_terminal_ends_nothing() -> None:
    own = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with orderly_end():
        signal.raise_signal(signal.SIGHUP)
    assert signal.signal(signal.SIGHUP, own) is signal.SIG_IGN
