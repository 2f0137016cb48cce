"""Prepares a run: which perf tests, and what they need."""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .. import PerflintError
from .checkout import Checkout
from .config import RunnersConfig
from .dependencies import compare_declared, unread_note
from .git import changed_files, tracked_files
from .imports import ImportGraph
from .reasons import PerfFile
from .sample import Side
from .select import Choice, choose, find_perf_files


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the user asked for.

    `keyword` is pytest's -k; `everything` runs tests that the change cannot affect as well;
    `time_identical` times tests whose code is the same on both sides; `seed` fixes every random
    choice.
    """

    keyword: str = ""
    everything: bool = False
    time_identical: bool = False
    seed: int = 0


def select_tests(
    checkout: Checkout, config: RunnersConfig, options: RunOptions
) -> tuple[Choice, list[str]]:
    """Choose the perf tests to run, and say which the change removes.

    Also say where it alters dependencies in a way that the run cannot include.
    """
    tracked = {side: tracked_files(checkout.root(side)) for side in Side}
    graphs = {
        side: ImportGraph(checkout.root(side), tracked[side], checkout.repository) for side in Side
    }
    found = {
        side: find_perf_files(checkout.root(side), tracked[side], config.paths, graph=graphs[side])
        for side in Side
    }
    for path in config.paths:
        if not any((checkout.root(side) / path).exists() for side in Side):
            raise PerflintError(
                f"[tool.perflint.runners] paths: there is no {path!r} on either side"
            )
    changed = changed_files(checkout.repository, checkout.base.sha, checkout.head.sha)
    everything = options.everything or options.time_identical
    removed = _removed(checkout, found, frozenset(tracked[Side.HEAD]))
    roots = {side: checkout.root(side) for side in Side}
    dependencies = compare_declared(roots, config.requirements, changed)
    own_command = bool(config.install)
    choice = choose(
        found[Side.HEAD],
        changed,
        graphs.values(),
        everything=everything,
        removed=removed,
        altering=dependencies.causes(own_command=own_command),
    )
    kept = {(file.path, name) for file in found[Side.HEAD] for name in file.tests}
    gone = [
        f"{file.path}::{name}"
        for file in found[Side.BASE]
        for name in file.tests
        if (file.path, name) not in kept
    ]
    notes = [f"this change removes the perf test {name}" for name in gone]
    if dependencies.unread and not own_command:
        notes = [unread_note(dependencies.unread), *notes]
    return replace(choice, dependencies=dependencies), notes


def _removed(
    checkout: Checkout, found: Mapping[Side, Sequence[PerfFile]], kept: frozenset[str]
) -> list[PerfFile]:
    """Return the perf-test files that only base has, but for those that head has moved as a whole.

    A test that is moved and edited at once is another one, and base's is run as well.
    """
    moved = {(checkout.head_root / file.path).read_bytes() for file in found[Side.HEAD]}
    return [
        file
        for file in found[Side.BASE]
        if file.path not in kept and (checkout.base_root / file.path).read_bytes() not in moved
    ]


def missing_packages() -> str | None:
    """Say what measuring needs and is not installed; None where nothing is missing."""
    if importlib.util.find_spec("torch") is None:
        return (
            "PyTorch is not installed in perflint's environment: "
            "install the build that your project trains with, then run perflint again"
        )
    missing = [name for name in ("numpy", "pytest") if importlib.util.find_spec(name) is None]
    if missing:
        return f"measuring needs {' and '.join(missing)}: pip install 'torch-perflint[bench]'"
    return None


def require_packages() -> None:
    """Raise PerflintError where what measuring needs is not installed."""
    if missing := missing_packages():
        raise PerflintError(f"perf tests are selected, but {missing}")
