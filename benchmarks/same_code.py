"""Runs the demo's perf tests with the same commit on both sides, and counts the verdicts."""

import argparse
import collections
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from torch_perflint.bot.demo import make_demo
from torch_perflint.bot.report import Report, read_report


def run(folder: Path, base: str, number: int) -> Report:
    """Compare `base` with itself once, with its own seed."""
    out = folder / ".perflint" / str(number)
    words = ["ci", "--base", base, "--head", base, "--time-identical", "--seed", str(number)]
    command = [sys.executable, "-m", "torch_perflint", *words, "--out", str(out)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return read_report(out / "report.json")


def main() -> int:
    """Print each run as it ends; the status is 1 where anything was called slower or faster."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    verdicts: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "demo")
        base, _ = make_demo(folder)
        for number in range(1, runs + 1):
            begin = time.monotonic()
            tests = run(folder, base, number).run.tests
            verdicts.update(test.verdict.value for test in tests)
            told = ", ".join(
                f"{test.test.name} {test.verdict.value} {test.comparison.change:+.1%}"
                for test in tests
                if test.comparison
            )
            load = os.getloadavg()[0]
            print(f"run {number}: {time.monotonic() - begin:.0f} s, load {load:.1f}: {told}")
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())))
    return 1 if verdicts["slower"] or verdicts["faster"] else 0


if __name__ == "__main__":
    sys.exit(main())
