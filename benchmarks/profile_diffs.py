"""How often the comment names the true cause of a planted slowdown, and nothing where none is.

Fifty changes of a step (`workloads/planted.py`), each profiled beside its base as `perflint ci`
does: rounds of a few steps of either side in turn, the difference of the profiles, and the likely
cause that the comment would name. A cause is right where it names a line that was planted (of an
optimizer that is built otherwise: the line that calls it, or the part). Fifty times the same code
is on both sides, with a comment more on one, or every second time with other names of variables, so
that seven lines are edited: nothing may be told to differ.
"""

import argparse
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from types import ModuleType

import torch
from torch_perflint.bot.cause import LineCause, OperatorCause, PartCause, Unexplained, cause_of_time
from torch_perflint.bot.placed import Placed
from torch_perflint.runners.profiling.attribution import StepProfile, merge, together
from torch_perflint.runners.profiling.difference import diff_profiles, match_lines
from torch_perflint.runners.profiling.profile import ProfileChange, scaled
from torch_perflint.runners.profiling.torch_profile import profile_steps
from torch_perflint.runners.result import TestResult
from torch_perflint.runners.sample import PerfTest
from torch_perflint.runners.verdict.compare import Comparison, Verdict
from workloads import planted

ROUNDS, STEPS = 8, 2
FILE = "train.py"
Step = Callable[[], object]


def build(folder: Path, source: str) -> Step:
    """Write the source down and build its step."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    file.write_text(source, encoding="utf-8")
    module = ModuleType("train")
    exec(compile(source, str(file), "exec"), vars(module))
    step: Step = vars(module)["make"]()
    for _ in range(5):
        step()
    return step


def clocks_of(steps: dict[str, Step], pairs: int = 80) -> dict[str, float]:
    """Seconds of a step of each side without a profiler, from turns of both."""
    times: dict[str, list[float]] = {side: [] for side in steps}
    for number in range(pairs):
        for side in [*steps][:: 1 if number % 2 else -1]:
            start = time.perf_counter()
            for _ in range(3):
                steps[side]()
            times[side].append((time.perf_counter() - start) / 3)
    base, head = times["base"], times["head"]
    ratio = median(two / one for one, two in zip(base, head, strict=True))
    return {"base": median(base), "head": median(base) * ratio}


def compare(scratch: Path, base: str, head: str, seed: int) -> TestResult:
    """Profile both in turn, and return what the comment is made of."""
    sources = {"base": base, "head": head}
    steps = {side: build(scratch / side, source) for side, source in sources.items()}
    profiles: dict[str, list[StepProfile]] = {side: [] for side in sources}
    draw = random.Random(seed)
    for _ in range(ROUNDS):
        for side in draw.sample([*sources], 2):
            profiles[side].append(together(profile_steps(steps[side], STEPS, scratch / side)))
    clock = clocks_of(steps)
    summaries = {side: scaled(merge(profiles[side]), clock[side] * 1e3) for side in sources}
    profile = diff_profiles(summaries["base"], summaries["head"], lambda path: (base, head))
    change = clock["base"] / clock["head"] - 1
    at = Comparison(
        Verdict.SLOWER, change, change, change, clock["base"], clock["head"], 0.0, 12, 4, 2
    )
    test = PerfTest("train.py::step", FILE, 1)
    return TestResult(test, Verdict.SLOWER, comparison=at, profile=profile)


def is_right(name: str, result: TestResult, lines: set[int]) -> tuple[bool, str]:
    """Whether the first cause is the planted one, and what it says."""
    cause = cause_of_time(result, Placed(()))
    match cause:
        case LineCause(line=line):
            return line.line in lines, f"line {line.line}: {line.source}"
        case OperatorCause(operator, line):
            where = f"line {line.line}: {line.source}" if line else "no line"
            of_optimizer = "optimizer" in name and line and "optimizer.step()" in line.source
            return bool(line and (line.line in lines or of_optimizer)), f"{operator.name}, {where}"
        case PartCause(part):
            return "optimizer" in name and part.part == "optimizer", f"part {part.part}"
        case Unexplained():
            return False, "unexplained"
    return False, "nothing"


def planted_lines(base: str, head: str) -> set[int]:
    """The numbers of the lines that were put in."""
    known = match_lines(base, head)
    return {number for number in range(1, head.count("\n") + 1) if number not in known}


def told(profile: ProfileChange | None) -> list[str]:
    """What a diff says differs."""
    assert profile is not None
    return [one.name for one in profile.operators] + [f"line {one.line}" for one in profile.lines]


def main() -> int:
    """Compare all, and say how often the cause is right; status 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="TEXT", default="", help="changes whose name has this")
    parser.add_argument("--same", type=int, default=50, help="times that the code is the same")
    options = parser.parse_args()
    torch.set_num_threads(1)
    right = count = quiet = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, change) in enumerate(planted.CHANGES.items()):
            if options.only not in name:
                continue
            head = planted.SOURCE.replace(*change)
            result = compare(Path(folder, str(number)), planted.SOURCE, head, number)
            lines = planted_lines(planted.SOURCE, head)
            good, says = is_right(name, result, lines)
            count, right = count + 1, right + good
            at = result.comparison
            assert at is not None
            slower = at.head_seconds / at.base_seconds - 1
            print(f"{'right' if good else 'WRONG'}  {name} ({slower:+.1%}): {says}", flush=True)
        for number in range(options.same):
            head = planted.SOURCE.replace("    return step\n", "    # The same.\n    return step\n")
            if number % 2:
                head = re.sub(r"\b(logits|labels|y)\b", r"the_\1", planted.SOURCE)
            result = compare(Path(folder, f"same{number}"), planted.SOURCE, head, number)
            names = told(result.profile)
            quiet += not names
            if names:
                print(f"told of the same code: {', '.join(names)}", flush=True)
    print(f"{right} of {count} causes are right; nothing is told in {quiet} of {options.same}")
    return 0 if right >= 0.9 * count and quiet == options.same else 1


if __name__ == "__main__":
    sys.exit(main())
