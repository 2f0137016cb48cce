"""What a profile says beside what is known: planted waits, and timers placed by hand.

Two parts, each with its bar: `parts` (planted waits are found in the right part within 10 %, and at
most 5 % of a step is unexplained), `lines` (shares of statements against timers around them, in
turn, within 3 percentage points; overhead of capture and of markers), `modules` (their shares,
forward and backward, against timers around them, within 3 points). How fast a profile is added up
is what `aggregation.py` measures.
"""

import argparse
import ast
import inspect
import sys
import textwrap
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader, Dataset
from torch_perflint.runners.profiling.attribution import merge
from torch_perflint.runners.profiling.line_marks import LineMarker
from torch_perflint.runners.profiling.parts import Part
from torch_perflint.runners.profiling.profile import ProfileSummary, scaled
from torch_perflint.runners.profiling.torch_modules import ModuleMarker
from torch_perflint.runners.profiling.torch_profile import profile_steps
from workloads import gpt_step, modules_step

HERE = Path(__file__).resolve().parent
Step = Callable[[], object]
WAIT = 0.02  # seconds
STEPS = 20
# How long was really waited since this was emptied: a busy machine sleeps longer than asked.
WAITED: list[float] = []


def wait(seconds: float) -> None:
    """Sleep, and note for how long."""
    if seconds:
        start = time.perf_counter()
        time.sleep(seconds)
        WAITED.append(time.perf_counter() - start)


class Sleepy(Dataset[torch.Tensor]):
    """Ones that come late."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, index: int) -> torch.Tensor:
        wait(self.seconds)
        return torch.ones(64)


def training(bound: Part | None, size: int = 64) -> Step:
    """A step that waits in one part, or computes for long."""
    layers = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Linear(64, 8))
    optimizer = torch.optim.AdamW(layers.parameters())
    if bound is Part.OPTIMIZER:
        optimizer.register_step_pre_hook(lambda *_: wait(WAIT))
    batches = iter(DataLoader(Sleepy(WAIT / 4 if bound is Part.DATA else 0), batch_size=4))
    factor = torch.randn(size, size)

    def step() -> None:
        batch = next(batches)
        factor @ factor
        layers(batch).sum().backward()
        wait(WAIT if bound is Part.HOST else 0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def profiled(step: Step) -> ProfileSummary:
    """Profile it warm; lines are those of this folder."""
    for _ in range(3):
        step()
    WAITED.clear()
    return merge(profile_steps(step, STEPS, HERE))


def measure_parts() -> bool:
    """Bound by data, by computing, by the optimizer, by the host."""
    good = True
    print("| Bound by | Step (ms) | In that part (ms) | Planted (ms) | Unexplained |")
    print("|:--|--:|--:|--:|--:|")
    for part in (Part.DATA, Part.COMPUTE, Part.OPTIMIZER, Part.HOST):
        plain = profiled(training(None, 1000 if part is Part.COMPUTE else 64))
        # Computing is planted by a larger product, whose time a loop without a profiler tells.
        if part is Part.COMPUTE:
            found, planted = time_of(plain, part), product_seconds(1000) * 1e3
        else:
            plain, without = profiled(training(part)), plain
            found = time_of(plain, part) - time_of(without, part)
            planted = sum(WAITED) / STEPS * 1e3
        left = time_of(plain, None) / plain.step_ms
        ok = abs(found / planted - 1) <= 0.1 and left <= 0.05
        good &= ok
        print(
            f"| {part.value} | {plain.step_ms:.2f} | {found:.2f} | {planted:.2f} | {left:.1%} |"
            f"{'' if ok else ' MISSED'}"
        )
    return good


def product_seconds(size: int) -> float:
    """How long the planted product takes without a profiler."""
    factor = torch.randn(size, size)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        factor @ factor
        times.append(time.perf_counter() - start)
    return median(times)


def time_of(summary: ProfileSummary, part: Part | None) -> float:
    """Milliseconds of a part; None is what is unexplained."""
    name = part.value if part else "unexplained"
    return next(one.milliseconds for one in summary.parts if one.part == name)


def timed_statements() -> tuple[Step, list[list[float]], list[int]]:
    """The step with a timer around each statement, the timers, and the statements' lines."""
    source, first = inspect.getsourcelines(gpt_step.step)
    function = ast.parse(textwrap.dedent("".join(source))).body[0]
    assert isinstance(function, ast.FunctionDef)
    body = function.body[1:]  # without the docstring
    lines = [statement.lineno + first - 1 for statement in body]
    ends = [body[number + 1].lineno - 1 if number + 1 < len(body) else len(source)
            for number in range(len(body))]  # fmt: skip
    text = ["def timed():"]
    for number, statement in enumerate(body):
        text.append("    start = clock()")
        rows = source[statement.lineno - 1 : ends[number]]
        text += [row.rstrip().replace("return ", "last = ", 1) for row in rows]
        text.append(f"    times[{number}].append(clock() - start)")
    times: list[list[float]] = [[] for _ in body]
    names = vars(gpt_step) | {"clock": time.perf_counter, "times": times}
    exec("\n".join(text), names)
    return names["timed"], times, lines


def measure_lines(rounds: int = 30) -> bool:
    """Shares of statements by the profile and by timers, in turn."""
    timed, times, lines = timed_statements()
    for _ in range(5):
        timed()
    for each in times:
        each.clear()
    steps = []
    for _ in range(rounds):
        timed()
        steps += profile_steps(gpt_step.step, 3, HERE)
    summary = merge(steps)
    path = "workloads/gpt_step.py"
    clocks = [median(each) * 1e3 for each in times]
    # As for a perf test: its steps were timed before they are profiled.
    summary = scaled(summary, sum(clocks))
    totals = {line.line: line.total for line in summary.lines if line.path == path}
    told = [totals.get(line, 0.0) for line in lines]
    source = Path(gpt_step.__file__).read_text(encoding="utf-8").splitlines()
    good = True
    print("| Statement | By timers | By the profile |\n|:--|--:|--:|")
    for line, clock, one in zip(lines, clocks, told, strict=True):
        share, seen = clock / sum(clocks), one / sum(told)
        ok = share < 0.05 or abs(share - seen) <= 0.03
        good &= ok
        row = f"| `{source[line - 1].strip()}` | {share:.1%} | {seen:.1%} |"
        print(row + ("" if ok else " MISSED"))
    operators = sum(one.milliseconds for one in summary.operators)
    left = summary.unattributed_ms / operators
    print(f"\nOperator time without a line: {left:.2%} (bar 5 %)")
    return good and left <= 0.05 and measure_overhead()


def measure_overhead(rounds: int = 15) -> bool:
    """A step with markers, and with all that capture needs, over one without."""

    def clock(do: Step) -> float:
        start = time.perf_counter()
        do()
        return time.perf_counter() - start

    def marked() -> None:
        with LineMarker(HERE).watching():
            gpt_step.step()

    plain, marks, whole = [], [], []
    for _ in range(rounds):
        plain.append(clock(gpt_step.step))
        marks.append(clock(marked))
        with profile(activities=[ProfilerActivity.CPU]):
            whole.append(clock(marked))
    base = median(plain)
    ratios = median(marks) / base, median(whole) / base
    print(f"Overhead: markers {ratios[0]:.2f} (bar 1.15), capture {ratios[1]:.2f} (bar 1.5)")
    return ratios[0] <= 1.15 and ratios[1] <= 1.5


def measure_modules(rounds: int = 100) -> bool:
    """Shares of modules by the profile and by timers around them and in their backward, in turn."""
    shares: defaultdict[tuple[str, bool], list[float]] = defaultdict(list)
    clocks, steps = [], []
    for number in range(rounds + 5):
        for _ in range(3):
            modules_step.TIMES = {}
            start = time.perf_counter()
            modules_step.step()
            clock = time.perf_counter() - start
            if number >= 5:
                clocks.append(clock)
                for key, seconds in modules_step.TIMES.items():
                    shares[key].append(seconds / clock)
        modules_step.TIMES = None
        if number >= 5:
            steps += profile_steps(modules_step.step, 3, HERE)
    summary = scaled(merge(steps), median(clocks) * 1e3)
    found = {one.name: one for one in summary.modules}
    good = abs(sum(one.own for one in summary.modules) / summary.step_ms - 1) < 1e-9
    print(f"All rows add up to the step: {good}\n")
    print("| Module | By timers | By the profile |\n|:--|--:|--:|")
    for (name, backward), each in sorted(shares.items()):
        share, one = mean(each), found[name]
        seen = (one.total_backward if backward else one.total_forward) / summary.step_ms
        ok = abs(share - seen) <= 0.03
        good &= ok
        phase = "backward" if backward else "forward"
        print(f"| `{name}`, {phase} | {share:.1%} | {seen:.1%} |{'' if ok else ' MISSED'}")
    print(f"\nIn no module: {found[''].own / summary.step_ms:.1%} of a step")
    return good and measure_marks()


def measure_marks(rounds: int = 30) -> bool:
    """A plain step beside one that is recorded, and one in which modules are marked as well."""

    def clock() -> float:
        start = time.perf_counter()
        gpt_step.step()
        return time.perf_counter() - start

    plain, recorded, marked = [], [], []
    for _ in range(rounds):
        plain.append(clock())
        with profile(activities=[ProfilerActivity.CPU]), LineMarker(HERE).watching():
            recorded.append(clock())
        marker = ModuleMarker()
        with profile(activities=[ProfilerActivity.CPU]), LineMarker(HERE).watching():
            marker.start()
            marked.append(clock())
            marker.stop()
    base = median(plain)
    ratios = median(recorded) / base, median(marked) / base
    print(f"Capture without modules {ratios[0]:.2f}, with them {ratios[1]:.2f} (bar 1.5)")
    return ratios[1] <= 1.5


def main() -> int:
    """Measure what is asked for; status 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["parts", "lines", "modules"])
    only = parser.parse_args().only
    torch.set_num_threads(1)
    torch.manual_seed(0)
    todo = {
        "parts": measure_parts,
        "lines": measure_lines,
        "modules": measure_modules,
    }
    good = True
    for name, measure in todo.items():
        if only in (None, name):
            print(f"\n{name}")
            good &= measure()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
