"""Runs perflint on commits that change nothing, and on commits that add a known share of work.

Each line of the file is one run of `perflint ci`: `kind` (0 for the same code, else the added work
in percent), the commits `base` and `head`, `seconds` with all that is around it, `load` before it,
and for each perf test its verdict, change and what would have been detectable. Stop it whenever you
like: it goes on where the file ends, on the same commits. Leave the machine alone meanwhile, or the
figures are those of a loaded one. The status is 1 where a bar is missed, or runs are missing.
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

from commits import TESTS, make_commits, refuse_other_commits
from torch_perflint.bot.report import read_report

# How often each kind is run, and in how many of its runs each test has to be found at least.
RUNS = {0: 40, 3: 20, 5: 20, 10: 20}
FOUND = {3: 16, 5: 18, 10: 20}


def run(folder: Path, commits: dict[str, str], kind: int, number: int) -> dict[str, object]:
    """Compare a commit with the one without added work; a `kind` of 0 with itself."""
    out = folder.parent / "out"
    base = commits["base"]
    head = commits[str(kind)] if kind else base
    words = ["ci", "--base", base, "--head", head, "--all", "--time-identical"]
    words += ["-k", "test_cnn or test_transformer"]
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
    where = {"base": base[:12], "head": head[:12]}
    return {"kind": kind, **where, "seconds": seconds, "load": round(load, 2), "tests": tests}


def order() -> list[int]:
    """Return the kind of each run: all kinds spread over the whole time."""
    places = [(number / count, kind) for kind, count in RUNS.items() for number in range(count)]
    return [kind for _, kind in sorted(places)]


def summary(lines: list[dict[str, object]]) -> int:
    """Print what was found, and return 1 where a bar is missed or cannot be judged yet."""
    missed = int(len(lines) < sum(RUNS.values()))
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
    parser.add_argument("--folder", type=Path, help="keeps the repository for the next call")
    options = parser.parse_args()
    text = options.file.read_text() if options.file.exists() else ""
    lines = [json.loads(line) for line in text.splitlines()]
    missing = [*enumerate(order())][len(lines) : options.runs]
    with tempfile.TemporaryDirectory() as parent:
        repository = (options.folder or Path(parent)).resolve() / "repository"
        commits = make_commits(repository, RUNS) if missing else {}
        if missing:
            seen = [str(line.get(side)) for line in lines for side in ("base", "head")]
            refuse_other_commits(seen, commits.values())
        for number, kind in missing:
            lines.append(run(repository, commits, kind, number))
            with options.file.open("a") as file:
                file.write(json.dumps(lines[-1]) + "\n")
            print(f"run {number + 1} of {options.runs}: {json.dumps(lines[-1])}", flush=True)
    return summary(lines)


if __name__ == "__main__":
    sys.exit(main())
