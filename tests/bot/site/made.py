"""A made-up history: seven perf tests on two machines over 160 commits, and what changed in it."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import mean

from torch_perflint.bot.past.site.change import Change
from torch_perflint.bot.report import Revision, as_json
from torch_perflint.runners.sample import Environment, Pair, Segment
from torch_perflint.runners.verdict.compare import Verdict
from torch_perflint.telemetry.record import (
    Commit,
    Reading,
    StoredCount,
    StoredPeak,
    StoredPoint,
    StoredRun,
    StoredTime,
)
from torch_perflint.telemetry.store import Store

from ..reports import CONV, GPT, LOADER, MACHINE, failed, finding, report

REPOSITORY = "acme/minitrain"
COMMITS = 160
GPU = Environment("3.12.3", "2.13.0+cu130", "Linux", "AMD EPYC 9654", 16, 1, "cuda", "NVIDIA H200")
# Name, unit, items, and at which place its level changes by how much.
TESTS = (
    ("perf_tests/test_gpt.py::test_gpt_train", "tokens", 4096.0, {58: 0.94, 131: 1.11}),
    ("perf_tests/test_gpt.py::test_gpt_train[bf16]", "tokens", 8192.0, {131: 1.09}),
    ("perf_tests/test_convnet.py::test_convnet_train", "images", 256.0, {149: 0.93}),
    ("perf_tests/test_vit.py::test_vit_train[bf16-compiled]", "images", 128.0, {91: 1.21}),
    ("perf_tests/test_loader.py::test_loader_train", "images", 512.0, {}),
)
SUBJECTS = (
    "Fuse the bias into the projection (#412)",
    "Log the loss every step",
    "Move the scheduler behind the optimizer (#398)",
    "Raise the number of workers of the loader",
    "Tidy the configuration of the trainer (#377)",
    "Cast the targets once per epoch",
    "Bump torchvision",
    "Test the learning rate's warm-up (#401)",
)


def sha(place: int) -> str:
    """The hash of the commit at a place."""
    return f"{random.Random(place).getrandbits(160):040x}"


def commits(subject: Callable[[int], str] = lambda place: SUBJECTS[place % 8]) -> list[Commit]:
    """All commits of the main branch, two days apart."""
    return [
        Commit(
            sha(place),
            place,
            (datetime(2026, 1, 1, 9, 30, tzinfo=UTC) + timedelta(days=2 * place)).isoformat(),
            subject(place),
        )
        for place in range(1, COMMITS + 1)
    ]


def level(changes: dict[int, float], place: int) -> float:
    """What the changes up to a place make of a level of one."""
    made = 1.0
    for at, factor in changes.items():
        made *= factor if place >= at else 1.0
    return made


def point(test: tuple[str, str, float, dict[int, float]], place: int, seed: int) -> StoredPoint:
    """A perf test's result at a place: six builds whose steps differ by one percent."""
    name, unit, items, changes = test
    rng = random.Random(f"{name} {place} {seed}")
    step = 0.02 / level(changes, place) * rng.gauss(1, 0.006)
    segments = tuple(
        Segment(0, (Pair(step, step * rng.gauss(1, 0.01)),) * 3, build_seconds=0.1)
        for _ in range(6)
    )
    syncs = 1 if name.endswith("convnet_train") and place >= 149 else 0
    peak = 64 << 20 if place < 131 or "gpt" not in name else 71 << 20
    return StoredPoint(
        name,
        Verdict.SAME,
        items,
        unit,
        StoredTime(0.0, -0.01, 0.01, step, step),
        StoredPeak("cpu", peak, peak),
        (StoredCount("host_syncs", 0, syncs, False), StoredCount("operators", 470, 470, False)),
        segments,
        (Reading("mfu", "share", True, 0.41 * level(changes, place)),) if "gpt" in name else (),
    )


def fill(store: Store, hostile: str = "") -> None:
    """Fill a store; each second commit is measured, on one machine or both."""
    known = commits(*([lambda _: hostile] if hostile else []))
    store.place(REPOSITORY, known)
    for place in range(2, COMMITS + 1, 2):
        for seed, machine in enumerate((MACHINE, GPU)):
            if machine is GPU and place % 4:
                continue
            tests = [test for test in TESTS if machine is GPU or "bf16" not in test[0]]
            if hostile:
                tests = [(f"perf_tests/x.py::test_x[{hostile}]", hostile, 8.0, {})]
            run = StoredRun(
                base=sha(place - 1),
                head=sha(place),
                created=known[place - 1].at.replace("09:30", f"1{seed}:00"),
                perflint="0.1.0",
                status=1 if place == 150 else 0,
                environment=machine,
                points=tuple(point(test, place, seed) for test in tests),
                repository=REPOSITORY,
                link=f"https://github.com/{REPOSITORY}/actions/runs/{place}",
            )
            store.add(run, whole_report(run, hostile) if place > COMMITS - 20 else None)


def whole_report(run: StoredRun, hostile: str = "") -> bytes:
    """A report with everything that a page of a run shows."""
    tests = (GPT, CONV, LOADER, failed("test_vit_train"))
    if hostile:
        tests = (replace(GPT, test=replace(GPT.test, id=f"x.py::{hostile}"), reason=hostile),)
    made = report(*tests, findings=(finding(message=hostile or "`.item()` waits"),))
    sides = (Revision(run.base, "main"), Revision(run.head, hostile or "HEAD"))
    return as_json(replace(made, base=sides[0], head=sides[1], created=run.created))


def changes_of(store: Store) -> Callable[[int], Sequence[Change]]:
    """The changes that `TESTS` plant, as somebody may have found them."""
    known = {}
    for number, series in store.series().items():
        factors = next(
            (test[3] for test in TESTS if test[0] == series.test + series.parameters), {}
        )
        made, values = [], {value.position: value.value for value in store.values(number)}
        for at, factor in factors.items():
            place = at + at % 2
            if series.metric == "throughput" and {place, place - 4} <= set(values):
                share = factor - 1
                after = mean([value for at, value in values.items() if place <= at < place + 28])
                made.append(
                    Change(
                        *(place, after / factor, after, share, share - 0.01, share + 0.01),
                        "confirmed" if place < 148 else "suspected",
                        max(at for at in values if at < place) + 1,
                    )
                )
        known[number] = tuple(made)
    return lambda number: known.get(number, ())
