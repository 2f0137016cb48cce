"""Renders the comments and checks of reports of 10,000 perf tests with 10,000 lint findings.

Prints the processor's seconds of this process, the best of five, and how long each text is; a ratio
to 1,000 tests and 1,000 findings shows how it grows.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "bot"))

import reports as samples
from torch_perflint.bot.check import check_of
from torch_perflint.bot.render import render_comment, render_terminal
from torch_perflint.bot.report import Report
from torch_perflint.lints.finding import Finding
from torch_perflint.runners.result import TestResult
from torch_perflint.runners.verdict.compare import Verdict

MIXES = {
    "all slower": (samples.GPT,),
    "all over their budget": (samples.CONV,),
    "all fail": (samples.failed("test_a"),),
    "all without a verdict": (samples.UNSURE,),
    "all the same": (samples.LOADER,),
    "of each kind": (
        *(samples.GPT, samples.CONV, samples.failed("test_a"), samples.UNSURE, samples.FASTER),
        *(samples.BROKEN, samples.NEW, samples.IDENTICAL, samples.SKIPPED, samples.LOADER),
    ),
}


def large(kinds: tuple[TestResult, ...], size: int) -> Report:
    """A report of `size` tests and as many findings, each of them on lines of the profiles, too."""
    tests = [_named(kinds[number % len(kinds)], number) for number in range(size)]
    findings = [_placed(number) for number in range(size)]
    return samples.report(*tests, findings=tuple(findings), found=size)


def _named(result: TestResult, number: int) -> TestResult:
    name = (
        f"perf_tests/team_{number % 97}/test_{number}.py::test_model_{number}_train[bf16-{number}]"
    )
    at = result.comparison
    if at is not None and result.verdict is not Verdict.SAME:
        at = replace(at, change=at.change * (1 - number / 1e6))
    return replace(result, test=replace(result.test, id=name), comparison=at)


def _placed(number: int) -> Finding:
    path = f"minitrain/{'gpt' if number % 2 else f'part_{number % 301}'}.py"
    return samples.finding(path, 1 + number % 4999, code=f"PFL{100 + number % 700}")


def seconds(work: Callable[[], object], rounds: int = 5) -> float:
    """Return the least of the processor's seconds that some rounds take."""
    taken = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return min(taken)


def main() -> None:
    """Print one line for each mixture of results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    header = f"{'tests':24}{'comment':>10}{'check':>10}{'terminal':>10}{'tenfold':>10}"
    print(f"{header}{'characters':>12}")
    for name, kinds in MIXES.items():
        made, tenth = large(kinds, options.size), large(kinds, options.size // 10)
        comment = seconds(lambda made=made: render_comment(made), options.rounds)
        check = seconds(lambda made=made: check_of(made), options.rounds)
        shown = seconds(lambda made=made: render_terminal(made, 100, False), 1)
        less = seconds(lambda tenth=tenth: render_comment(tenth), options.rounds)
        print(
            f"{name:24}{comment:9.3f}s{check:9.3f}s{shown:9.3f}s{comment / less:9.1f}x"
            f"{len(render_comment(made)):12,}",
            flush=True,
        )


if __name__ == "__main__":
    main()
