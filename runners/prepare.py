"""Prepares a run: which perf tests, and what they need."""

import difflib
import importlib.util
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path, PurePosixPath
from typing import Any

from .. import PerflintError
from .config import RunnersConfig, doubts, load_config
from .machine.machine_state import usable_processors
from .sample import Side
from .selection.harness import content_of
from .selection.helpers import edited_helpers
from .selection.imports import ImportGraph
from .selection.reasons import PerfFile
from .selection.select import Choice, choose, find_perf_files, unreadable
from .sides.checkout import Checkout
from .sides.dependencies import compare_declared, unread_note
from .sides.git import changed_files, tracked_files
from .text.words import removes_test


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
    """Choose the perf tests to run, and say what the change does to them as a whole.

    That is which it removes, which settings of runs it edits, and where it alters dependencies in a
    way that the run cannot include.
    """
    tracked = {side: tracked_files(checkout.root(side)) for side in Side}
    graphs = {
        side: ImportGraph(checkout.root(side), tracked[side], checkout.repository) for side in Side
    }
    for path in config.paths:
        if not any((checkout.root(side) / path).exists() for side in Side):
            raise PerflintError(_no_path(path, tracked.values()))
    found = perf_files(checkout, config, tracked, graphs)
    changed = changed_files(checkout.repository, checkout.base.sha, checkout.head.sha)
    everything = options.everything or options.time_identical
    removed = _removed(checkout, found, frozenset(tracked[Side.BASE]))
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
        settings=[name for name in changed if _only_our_settings(checkout, name)],
    )
    kept = {(file.path, name) for file in found[Side.HEAD] for name in file.tests}
    unread = unreadable(checkout.head_root, changed, config.paths)
    gone = [
        f"{file.path}::{name}"
        for file in found[Side.BASE]
        for name in file.tests
        if (file.path, name) not in kept and file.path not in unread
    ]
    notes = [
        f"{path} cannot be read: {why}; nobody knows which perf tests it holds"
        for path, why in unread.items()
    ]
    notes += doubts(config, len(usable_processors()))
    notes += _edited_settings(checkout)
    notes += [removes_test(name) for name in gone]
    if dependencies.unread and not own_command:
        notes = [unread_note(dependencies.unread), *notes]
    # What pytest is going to run fails there, and is told as that.
    running = {file.path for file in choice.files}
    left = tuple(path for path in unread if path not in running)
    helpers = edited_helpers(choice.every_file, choice.ran, changed, graphs.values())
    return replace(choice, dependencies=dependencies, helpers=helpers, unread=left), notes


def perf_files(
    checkout: Checkout,
    config: RunnersConfig,
    tracked: Mapping[Side, Sequence[str]],
    graphs: Mapping[Side, ImportGraph],
) -> dict[Side, list[PerfFile]]:
    """Find each side's files of perf tests, where its own configuration says that they are."""
    before = _base_config(checkout) or config
    within = {Side.BASE: before.paths, Side.HEAD: config.paths}
    return {
        side: find_perf_files(checkout.root(side), tracked[side], within[side], graph=graphs[side])
        for side in Side
    }


def _only_our_settings(checkout: Checkout, name: str) -> bool:
    """Whether nothing but [tool.perflint] differs in a pyproject.toml."""
    if PurePosixPath(name).name != "pyproject.toml":
        return False
    try:
        base, head = (_others_settings(checkout.root(side) / name) for side in Side)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    return base == head


def _others_settings(path: Path) -> dict[str, Any]:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    tool = document.pop("tool", {})
    others = {table: values for table, values in tool.items() if table != "perflint"}
    return {**document, "tool": others}


def _no_path(path: str, tracked: Iterable[Sequence[str]]) -> str:
    """Say that `paths` names what is on neither side, and which folder or file is nearest."""
    known = {
        part.as_posix()
        for names in tracked
        for name in names
        for part in (PurePosixPath(name), *PurePosixPath(name).parents)
        if name.endswith(".py") or part.as_posix() != name
    } - {"."}
    near = difflib.get_close_matches(path.rstrip("/"), sorted(known), n=1, cutoff=0.5)
    hint = f"; the nearest is {near[0]!r}" if near else ""
    return f"[tool.perflint.runners] paths: there is no {path!r} on either side{hint}"


def _base_config(checkout: Checkout) -> RunnersConfig | None:
    """Return what base's own configuration says; None where it cannot be read."""
    try:
        return load_config(checkout.base_root)
    except PerflintError:
        return None  # head's decides, and its reader has complained where that is wrong


def _edited_settings(checkout: Checkout) -> list[str]:
    """Say which settings of runs the change edits: they may well make it look better."""
    before, after = _base_config(checkout), load_config(checkout.head_root, "head")
    if before is None or before == after:
        return []
    edited = [
        f"`{field.name}` from {_told(was)} to {_told(now)}"
        for field in fields(RunnersConfig)
        if (was := getattr(before, field.name)) != (now := getattr(after, field.name))
    ]
    return [f"this change sets {', '.join(edited)} in [tool.perflint.runners]"]


def _told(value: object) -> str:
    return json.dumps(dict(value) if isinstance(value, Mapping) else value)


def _removed(
    checkout: Checkout, found: Mapping[Side, Sequence[PerfFile]], had: frozenset[str]
) -> list[PerfFile]:
    """Return base's perf-test files that are none any more, but for those that are only moved.

    Their file may still be there, without its perf tests, or outside of `paths`. A file is moved
    where head has a new one with the same content below the same conftests; one that is moved and
    edited at once is another one, and base's is run as well. `had` are all files of base.
    """
    kept = {file.path for file in found[Side.HEAD]}
    new = {content_of(checkout.head_root, path) for path in kept if path not in had}
    return [
        file
        for file in found[Side.BASE]
        if file.path not in kept and content_of(checkout.base_root, file.path) not in new
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
