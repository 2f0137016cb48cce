"""Runs perflint on commits that change nothing, and on commits that add a known share of work.

Each line of the file is one run of `perflint ci`: `kind` (0 for the same code, else the added work
in percent), `seconds` with all that is around it, `load` before it, and for each perf test its
verdict, change and what would have been detectable. Stop it whenever you like: it goes on where the
file ends. Leave the machine alone meanwhile, or the figures are those of a loaded one.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from torch_perflint.bot.report import read_report

WORKLOADS = Path(__file__).with_name("workloads")
# How often each kind is run, and in how many of its runs each test has to be found at least.
RUNS = {0: 40, 3: 20, 5: 20, 10: 20}
FOUND = {3: 16, 5: 18, 10: 20}
TESTS = ("test_cnn", "test_transformer")

# The added work: products of matrices, as many as make up the share of a step, found by timing.
CALIBRATE = """\
import json, statistics, sys, time
sys.path.insert(0, ".")
import torch
import test_workloads as workloads

torch.set_num_threads(1)
matrix = torch.randn(32, 32)

def seconds(run, count):
    begin = time.perf_counter()
    for _ in range(count):
        run()
    return (time.perf_counter() - begin) / count

def product():
    torch.mm(matrix, matrix)

found = {}
for name in ("test_cnn", "test_transformer"):
    steps = []
    getattr(workloads, name)(steps.append)
    (step,) = steps
    seconds(step, 20)
    seconds(product, 1000)
    found[name] = statistics.median(seconds(step, 20) / seconds(product, 2000) for _ in range(15))
print(json.dumps(found))
"""


def calibrated(folder: Path) -> dict[str, float]:
    """Return how many products cost as much as a step, for each workload."""
    done = subprocess.run(
        [sys.executable, "-c", CALIBRATE], cwd=folder, check=True, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout))


def make_commits(folder: Path) -> dict[int, str]:
    """Make a repository; return the commit of each kind, 0 being the one without added work."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\npythonpath = ['.']\n")
    for file in WORKLOADS.glob("*.py"):
        (folder / file.name).write_bytes(file.read_bytes())
    git = ["git", "-C", str(folder), "-c", "user.name=perflint", "-c", "user.email=perflint@local"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    step_in_products = calibrated(folder)
    commits = {}
    for kind in RUNS:
        extra = {name: round(kind / 100 * step_in_products[name]) for name in TESTS}
        (folder / "extra.py").write_text(
            "import torch\n\nMATRIX = torch.randn(32, 32)\n\n\ndef work(name):\n"
            f"    for _ in range({extra}[name]):\n        torch.mm(MATRIX, MATRIX)\n"
        )
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", f"{kind} % more work"], check=True)
        head = [*git, "rev-parse", "HEAD"]
        commits[kind] = subprocess.run(
            head, check=True, capture_output=True, text=True
        ).stdout.strip()
    return commits


def run(folder: Path, commits: dict[int, str], kind: int, number: int) -> dict[str, object]:
    """Compare a commit with the one without added work; a `kind` of 0 with itself."""
    out = folder.parent / "out"
    words = ["ci", "--base", commits[0], "--head", commits[kind], "--all", "--time-identical"]
    words += ["--seed", str(number), "--out", str(out), "--fail-on", "never"]
    load = os.getloadavg()[0]
    begin = time.monotonic()
    command = [sys.executable, "-m", "torch_perflint", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"run {number} ended with {done.returncode}:\n{done.stderr}{done.stdout}")
    tests = {}
    for test in read_report(out / "report.json").run.tests:
        told = test.comparison
        tests[test.test.name] = {
            "verdict": test.verdict.value,
            "change": told and round(told.change, 5),
            "detectable": told and round(told.detectable, 5),
            "measured": round(sum(segment.seconds for segment in test.segments), 1),
            "launches": told and told.launches,
        }
    seconds = round(time.monotonic() - begin, 1)
    return {"kind": kind, "seconds": seconds, "load": round(load, 2), "tests": tests}


def order() -> list[int]:
    """Return the kind of each run: all kinds spread over the whole time."""
    places = [(number / count, kind) for kind, count in RUNS.items() for number in range(count)]
    return [kind for _, kind in sorted(places)]


def summary(lines: list[dict[str, object]]) -> int:
    """Print what was found, and return 1 where a bar is missed."""
    missed = 0
    for kind, count in RUNS.items():
        runs = [line for line in lines if line["kind"] == kind]
        seconds = sorted(float(str(line["seconds"])) for line in runs)
        if not runs:
            continue
        print(f"+{kind} %: {len(runs)} of {count} runs, {seconds[len(seconds) // 2]:.0f} s each "
              f"({seconds[0]:.0f} to {seconds[-1]:.0f})")  # fmt: skip
        every: Counter[str] = Counter()
        for name in TESTS:
            verdicts = Counter(line["tests"][name]["verdict"] for line in runs)  # type: ignore[index]
            every += verdicts
            print(f"  {name}: {dict(verdicts)}")
            if kind and len(runs) == count and verdicts["slower"] < FOUND[kind]:
                missed = 1
        if kind == 0 and len(runs) == count:
            alarms = max(every["slower"], every["faster"])
            missed |= alarms > 2 or every["same"] < 0.8 * sum(every.values())
    return missed


def main() -> int:
    """Run what is missing in the file, then print what it says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="JSON lines; goes on where it ends")
    parser.add_argument("--runs", type=int, default=sum(RUNS.values()))
    options = parser.parse_args()
    text = options.file.read_text() if options.file.exists() else ""
    lines = [json.loads(line) for line in text.splitlines()]
    with tempfile.TemporaryDirectory() as parent:
        commits = {} if len(lines) >= options.runs else make_commits(Path(parent, "repository"))
        for number, kind in [*enumerate(order())][len(lines) : options.runs]:
            lines.append(run(Path(parent, "repository"), commits, kind, number))
            with options.file.open("a") as file:
                file.write(json.dumps(lines[-1]) + "\n")
            print(f"run {number + 1} of {options.runs}: {json.dumps(lines[-1])}", flush=True)
    return summary(lines)


if __name__ == "__main__":
    sys.exit(main())
