"""Brings the results of other tools into the history."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ... import PerflintError
from ...telemetry.imports import asv, pytest_benchmark
from ...telemetry.imports.taken import Taken
from ...telemetry.store import Store
from ..numbers import plural

_NO_RESULTS = {"machine.json", "benchmarks.json"}
# Where asv keeps its results, below the folder of its settings.
_ASV_FOLDERS = ("", "results", ".asv/results")


@dataclass(slots=True)
class Outcome:
    """What came of an import: numbers of files and values."""

    stored: int = 0
    known: int = 0
    broken: int = 0
    empty: int = 0
    values: int = 0
    left: Counter[str] = field(default_factory=Counter)


def import_all(
    store: Store, path: Path, format: str, repository: str, tell: Callable[[str], None]
) -> Outcome:
    """Store the results of a file or folder, and tell of each file that cannot be read.

    Raises PerflintError where there is none at all that can be.
    """
    readers: dict[str, Callable[[Path, str], Iterator[tuple[Path, Callable[[], Taken]]]]]
    readers = {"asv": _asv, "pytest-benchmark": _saved}
    outcome = Outcome()
    for file, read in readers[format](path, repository):
        try:
            taken = read()
        except PerflintError as error:
            outcome.broken += 1
            tell(f"{file}: {error}")
            continue
        outcome.left.update(taken.left)
        if not taken.run.points:
            outcome.empty += 1
        elif store.add(taken.run):
            outcome.stored += 1
            outcome.values += len(taken.run.points)
        else:
            outcome.known += 1
    if not (outcome.stored or outcome.known):
        raise PerflintError(f"nothing in {path} was imported{_reasons(outcome)}")
    return outcome


def in_words(outcome: Outcome, path: Path, where: str) -> str:
    """Say what came of it in one line."""
    told = [f"{plural(outcome.stored, 'run')} with {plural(outcome.values, 'value')} stored"]
    if outcome.known:
        told.append(f"{outcome.known:,} stored before")
    if outcome.empty:
        told.append(f"{plural(outcome.empty, 'file')} without a value")
    if outcome.broken:
        told.append(f"{plural(outcome.broken, 'file')} could not be read")
    return f"{path}: {', '.join(told)} in {where}{_reasons(outcome)}"


def _reasons(outcome: Outcome) -> str:
    told = [f"{count:,} {reason}" for reason, count in sorted(outcome.left.items())]
    return f"; left out: {', '.join(told)}" if told else ""


def _saved(path: Path, repository: str) -> Iterator[tuple[Path, Callable[[], Taken]]]:
    """Yield the files that pytest-benchmark has saved, and how each is read."""
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    for file in files:
        yield file, partial(_read_saved, file, repository)


def _asv(path: Path, repository: str) -> Iterator[tuple[Path, Callable[[], Taken]]]:
    """Yield the results files of asv below a folder, or the one file, and how each is read."""
    if path.is_dir():
        folders = [path / name for name in _ASV_FOLDERS]
        folder = next((one for one in folders if (one / "benchmarks.json").is_file()), None)
        if folder is None:
            raise PerflintError(
                f"{path} is no folder of asv's results: no benchmarks.json is in it"
            )
        files = sorted(file for file in folder.glob("*/*.json") if file.name not in _NO_RESULTS)
    else:
        folder, files = path.parent.parent, [path]
    listed = folder / "benchmarks.json"
    try:
        benchmarks = _json(listed)
    except PerflintError as error:
        raise PerflintError(f"{listed}: {error}") from error
    if not isinstance(benchmarks, dict):
        raise PerflintError(f"{listed} is no list of asv's benchmarks")
    for file in files:
        yield file, partial(_read_asv, file, benchmarks, repository)


def _read_saved(file: Path, repository: str) -> Taken:
    return pytest_benchmark.read(_json(file), repository)


def _read_asv(file: Path, benchmarks: dict[str, Any], repository: str) -> Taken:
    return asv.read(_json(file), benchmarks, repository)


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise PerflintError(f"it cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise PerflintError(f"it is no JSON: {error}") from error
