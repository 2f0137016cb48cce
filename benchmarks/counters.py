"""Plants five slowdowns and says in how many fresh processes the exact counts find each of them."""

import argparse
import dataclasses
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from torch_perflint.runners.assemble import Measured, result_of
from torch_perflint.runners.counters.examined import Examined
from torch_perflint.runners.result import CounterChange
from torch_perflint.runners.sample import Counts, Memory, PerfTest, Side

Step = Callable[[], object]

# What is planted, the counter that has to show it, and by how much it has to grow (None: at all).
PLANTED: dict[str, tuple[str, int | None]] = {
    "added .item()": ("host_syncs", 1),
    "extra .clone()": ("copies", 1),
    "AdamW foreach=False": ("operators", None),
    "AdamW fused=False": ("operators", None),
    "graph break": ("graph_breaks", 1),
}


def step_of(planted: str, side: Side) -> Step:
    """Build a training step; that of head has the fault."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    torch.set_num_threads(1)
    head = side is Side.HEAD
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10)
    )
    options = {
        "AdamW foreach=False": {"foreach": not head},
        "AdamW fused=False": {"fused": not head},
    }.get(planted, {})
    optimizer = torch.optim.AdamW(model.parameters(), **options)
    images, labels = torch.randn(16, 3, 8, 8), torch.randint(10, (16,))

    def loss_of(x: torch.Tensor) -> torch.Tensor:
        out = model(x)
        if planted == "graph break" and head:
            torch._dynamo.graph_break()
        return nn.functional.cross_entropy(out, labels)

    # Another backend only makes other kernels; that it has to stop is for all of them the same.
    forward = torch.compile(loss_of, backend="aot_eager") if planted == "graph break" else loss_of

    def step() -> None:
        optimizer.zero_grad()
        x = images.clone() if planted == "extra .clone()" and head else images
        loss = forward(x)
        loss.backward()
        if planted == "added .item()" and head:
            loss.item()
        optimizer.step()

    return step


def measure(side: Side) -> None:
    """Count every step of one side, and print the counts as JSON."""
    from torch_perflint.runners.counters import torch_compile, torch_memory
    from torch_perflint.runners.counters.torch_examine import examine

    counted = {}
    for planted in PLANTED:
        torch_memory.start()
        torch_compile.forget()
        counts, memory, _ = examine(step_of(planted, side), Path(__file__).resolve().parent)
        counted[planted] = [dataclasses.asdict(counts), dataclasses.asdict(memory)]
    print(json.dumps(counted))


def in_fresh_process(side: Side, hash_seed: int) -> dict[str, Examined]:
    """Count one side in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", side.value],
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return {
        planted: Examined(
            counts=Counts(counts["values"], counts["unstable"]), memory=Memory(**memory)
        )
        for planted, (counts, memory) in json.loads(done.stdout).items()
    }


def changes(base: Examined, head: Examined) -> tuple[list[CounterChange], list[str]]:
    """Return the counters that differ, as a report has them, and those that were not steady."""
    measured = Measured(PerfTest("step", "step.py", 1))
    measured.examined = {Side.BASE: base, Side.HEAD: head}
    result = result_of(measured, None, {}, lambda path: ("", ""))
    return [c for c in result.counters if c.base != c.head], list(result.unstable)


@dataclasses.dataclass
class Tally:
    """What the rounds gave for one planted fault."""

    found: int = 0
    false: int = 0
    seen: Counter[str] = dataclasses.field(default_factory=Counter)
    false_names: Counter[str] = dataclasses.field(default_factory=Counter)

    def add(self, planted: str, first: Examined, second: Examined, head: Examined) -> None:
        """Compare base with head, and base with itself."""
        name, by = PLANTED[planted]
        grown = {c.name: c.head - c.base for c in changes(first, head)[0]}
        self.found += grown.get(name, 0) > 0 and by in (None, grown[name])
        self.seen.update(f"{name} {more:+,}" for name, more in grown.items())
        differing, unsteady = changes(first, second)
        names = [*(change.name for change in differing), *unsteady]
        self.false += bool(names)
        self.false_names.update(names)


def run(rounds: int) -> dict[str, Tally]:
    """Start three fresh processes per round: base, base once more, and head."""
    tallies = {planted: Tally() for planted in PLANTED}
    for number in range(rounds):
        begin = time.monotonic()
        seeds = random.SystemRandom().sample(range(1, 2**32), 3)
        sides = (Side.BASE, Side.BASE, Side.HEAD)
        with ThreadPoolExecutor(len(sides)) as pool:
            runs = list(pool.map(in_fresh_process, sides, seeds))
        for planted, tally in tallies.items():
            tally.add(planted, *(one[planted] for one in runs))
        print(f"round {number + 1}: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    return tallies


def table(tallies: dict[str, Tally], rounds: int) -> str:
    """Write what was found as Markdown."""
    lines = ["| planted | counter | found | same code differs | what grew per step (rounds) |"]
    lines.append("|:--|:--|--:|--:|:--|")
    for planted, tally in tallies.items():
        seen = ", ".join(f"{what} ({times})" for what, times in sorted(tally.seen.items()))
        false = ", ".join(tally.false_names)
        lines.append(
            f"| {planted} | {PLANTED[planted][0]} | {tally.found} of {rounds} "
            f"| {tally.false} of {rounds}{f': {false}' if false else ''} | {seen} |"
        )
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> int:
    """Print the table; the status is 1 where a fault was missed or the same code differed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--measure", type=Side, help=argparse.SUPPRESS)
    given = parser.parse_args(words)
    if given.measure is not None:
        measure(given.measure)
        return 0
    tallies = run(given.rounds)
    print(table(tallies, given.rounds))
    clean = all(tally.found == given.rounds and not tally.false for tally in tallies.values())
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
