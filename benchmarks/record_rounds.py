"""Records step times of identical code, side by side, for verdicts to be tried on.

Each line of the file that is written is one launch: `workload`, `rebuilt` (whether the test's state
was built anew for each segment), `threads`, `load` (the machine's load average before it),
`seconds` (that the launch took with all that is around the steps) and `segments`: lists of rounds,
each the mean seconds per step of a turn of base and of head. `keep` steps of each turn count, one
is dropped.

Stop it whenever you like: it goes on with the next launch where the file ends.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from torch_perflint.runners.measure import Launch
from torch_perflint.runners.processes.isolate import WorkerPlan
from torch_perflint.runners.sample import Segment, Side
from torch_perflint.runners.sides.provenance import first_party
from torch_perflint.runners.verdict.schedule import Pace

WORKLOADS = Path(__file__).with_name("workloads")
TEST_FILE = "test_workloads.py"
# Eight builds of the state, or one that is kept, for about the same number of steps.
SEGMENTS = {True: 8, False: 1}
PAIRS = {True: 16, False: 128}
# Steps of a turn that count, by workload, so that a turn takes about 30 ms.
KEEP = {"cnn": 4, "transformer": 4, "small": 21}


def checkout(folder: Path) -> Path:
    """Make a repository of the workloads' files, for workers to run in."""
    folder.mkdir()
    for file in WORKLOADS.glob("*.py"):
        (folder / file.name).write_bytes(file.read_bytes())
    git = ["git", "-C", str(folder), "-c", "user.name=perflint", "-c", "user.email=perflint@local"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "workloads"]):
        subprocess.run([*git, *words], check=True)
    return folder


def record(
    scratch: Path, workload: str, number: int, *, rebuilt: bool, threads: int
) -> list[Segment]:
    """Run one launch of both sides, which have the same code."""
    roots = {side: checkout(scratch / side.value) for side in Side}
    plan = WorkerPlan(
        repository=roots[Side.HEAD],
        scratch=scratch,
        files=(TEST_FILE,),
        keyword=workload,
        pytest_args=(),
        threads=threads,
        timeout=300.0,
        min_effect=0.02,
        own=first_party([file.name for file in WORKLOADS.glob("*.py")]),
    )
    with Launch(plan, roots, number, seed=number) as launch:
        collected = launch.collect(Side.BASE)
        found, errors = collected.tests, collected.errors
        launch.collect(Side.HEAD)
        if errors:
            raise SystemExit(f"the workloads cannot be collected: {errors}")
        rhythm = Pace(KEEP[workload], 1, PAIRS[rebuilt])
        (test,) = (one for one in found if workload in one.id)
        return [launch.time_segment(test, rhythm) for _ in range(SEGMENTS[rebuilt])]


def main() -> int:
    """Record launches until there are enough, alternating workloads and kinds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="JSON lines; goes on where it ends")
    parser.add_argument("--launches", type=int, default=60)
    parser.add_argument("--rebuilt", action="store_true", help="no launches that keep one build")
    parser.add_argument("--workloads", nargs="+", choices=[*KEEP], default=["cnn", "transformer"])
    parser.add_argument("--threads", type=int, default=1,
                        help="with more than one, steps are not held on a processor")  # fmt: skip
    options = parser.parse_args()
    names = options.workloads
    done = len(options.file.read_text().splitlines()) if options.file.exists() else 0
    for number in range(done, options.launches):
        workload = names[number % len(names)]
        rebuilt = options.rebuilt or number // len(names) % 2 == 0
        load = os.getloadavg()[0]
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            segments = record(
                Path(folder), workload, number, rebuilt=rebuilt, threads=options.threads
            )
        line = {
            "workload": workload,
            "rebuilt": rebuilt,
            "threads": options.threads,
            "keep": KEEP[workload],
            "load": round(load, 2),
            "seconds": round(time.monotonic() - begin, 1),
            "segments": [[[p.base, p.head] for p in segment.pairs] for segment in segments],
        }
        with options.file.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(f"launch {number + 1} of {options.launches}: {workload}, load {load:.1f}, "
              f"{line['seconds']} s", flush=True)  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
