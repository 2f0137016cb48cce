"""The [tool.perflint.runners] table as a dataclass."""

import difflib
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .. import PerflintError
from .counters.peaks import TYPES

# The tables that [tool.perflint] may hold, one for each room.
_ROOMS = ("lints", "runners", "bot", "telemetry")

# What is counted of a step, and may have a budget; docs/counters.md says what each means.
COUNTERS = (
    "operators",
    "host_syncs",
    "copies",
    "copy_bytes",
    "h2d_copy_bytes",
    "d2h_copy_bytes",
    "flops",
    "allocated_bytes",
    "peak_bytes",
    "saved_for_backward_bytes",
    "autograd_nodes",
    "kernel_launches",
    "graph_breaks",
    "recompiles",
    "collectives",
    "collective_bytes",
    "python_calls",
)


@dataclass(frozen=True, slots=True)
class RunnersConfig:
    """How perf tests are found and run.

    `paths`: folders to look for perf tests in (default: the whole repository).
    `threads`: PyTorch's and OpenMP's threads in each worker.
    `timeout`: seconds after which a side that neither answers nor ends a step counts as hanging.
    `max_seconds`: seconds of measuring that one perf test may take, over all launches.
    `total_seconds`: seconds after which a run begins no more timing; operators and host syncs are
    compared still.
    `min_effect`: the smallest slowdown that matters, where a test does not say.
    `budgets`: by how much a counter may grow per step; a counter without a budget only informs.
    `peak_flops`: what the device can do at most, in FLOP/s by type, where perflint does not know.
    `pytest_args`: words for pytest; the project's own `addopts` are not used, since coverage or
    parallel workers would spoil the measurement.
    `requirements`: what declares the project's dependencies: requirements files, and `.` or
    `.[extra]` for pyproject.toml. Where base and head declare others, each gets an environment.
    `install`: the words of a command that fills a side's environment, in place of pip.
    """

    paths: tuple[str, ...] = ()
    threads: int = 1
    timeout: float = 300.0
    max_seconds: float = 45.0
    total_seconds: float = 3600.0
    min_effect: float = 0.02
    budgets: Mapping[str, int] = field(default_factory=lambda: {"host_syncs": 0})
    peak_flops: Mapping[str, float] = field(default_factory=dict)
    pytest_args: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ("requirements.txt", ".")
    install: tuple[str, ...] = ()


def load_config(root: Path, side: str = "") -> RunnersConfig:
    """Read the table from `root`/pyproject.toml; no file or no table means the defaults.

    `side` is how people know a worktree of ours, whose path says nothing to them. Raises
    PerflintError with all mistakes.
    """
    perflint = _perflint(read_document(root, side))
    wrong = [
        _unknown(key, _ROOMS, "[tool.perflint] has no table")
        for key in perflint
        if key not in _ROOMS
    ]
    config, more = _read(perflint.get("runners", {}))
    _complain(wrong + more)
    return config


def read_document(root: Path, side: str = "") -> dict[str, Any]:
    """Return what `root`/pyproject.toml holds; PerflintError where it cannot be read."""
    path = root / "pyproject.toml"
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        name = f"pyproject.toml ({side})" if side else str(path)
        why = error.strerror if isinstance(error, OSError) else error
        raise PerflintError(f"cannot read the configuration in {name}: {why}") from error


def mistakes_of(document: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each mistake in the [tool.perflint.runners] table of a document."""
    return _read(_perflint(document).get("runners", {}))[1]


def parse_config(table: object) -> RunnersConfig:
    """Check the table's keys and types. Raises PerflintError with all mistakes."""
    config, wrong = _read(table)
    _complain(wrong)
    return config


def _read(table: object) -> tuple[RunnersConfig, list[str]]:
    """Return what the table says, and a sentence for each mistake in it."""
    where = "[tool.perflint.runners]"
    if not isinstance(table, dict):
        return RunnersConfig(), [f"{where} has to be a table"]
    known = [field.name for field in fields(RunnersConfig)]
    wrong, values = [], {}
    for key, value in table.items():
        if key not in known:
            wrong.append(_unknown(key, known, f"{where} has no key"))
            continue
        try:
            values[key] = _checked(key, value)
        except ValueError as error:
            wrong.append(str(error))
    config = RunnersConfig(**values)
    wrong += [
        _unknown(counter, COUNTERS, f"{where} budgets: there is no counter")
        for counter in config.budgets
        if counter not in COUNTERS
    ]
    wrong += [
        _unknown(kind, TYPES, f"{where} peak_flops: there is no type")
        for kind in config.peak_flops
        if kind not in TYPES
    ]
    # Who sets the total alone means just that; the default of a test then gives way to it.
    if "max_seconds" in values and config.max_seconds > config.total_seconds:
        wrong.append(
            f"{where} max_seconds, of one perf test, is {config.max_seconds:g}, and total_seconds, "
            f"of the run as a whole, is {config.total_seconds:g}: it cannot be more than that"
        )
    return config, wrong


def doubts(config: RunnersConfig, processors: int) -> list[str]:
    """Return what the settings ask for and this machine does not have.

    No mistake: the file is shared by machines that differ.
    """
    if config.threads <= processors:
        return []
    has = f"{processors} processor" + ("" if processors == 1 else "s")
    return [
        f"`threads` is {config.threads}, and this machine has {has}: threads that wait for each "
        "other make times noisy"
    ]


def _perflint(document: Mapping[str, Any]) -> dict[str, Any]:
    tool = document.get("tool", {})
    perflint = tool.get("perflint", {}) if isinstance(tool, dict) else {}
    if not isinstance(perflint, dict):
        raise PerflintError("[tool.perflint] has to be a table")
    return perflint


def _complain(wrong: Sequence[str]) -> None:
    if wrong:
        raise PerflintError("\n  ".join(wrong))


def _unknown(name: str, known: Sequence[str], complaint: str) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
    return f"{complaint} {name!r}; the nearest is {near!r}"


def _checked(key: str, value: object) -> Any:
    match key, value:
        case (("paths" | "pytest_args" | "requirements" | "install"), list()) if all(
            isinstance(word, str) for word in value
        ):
            return tuple(value)
        case "threads", int() if not isinstance(value, bool) and value >= 1:
            return value
        case (("timeout" | "max_seconds" | "total_seconds"), int() | float()) if _positive(value):
            return float(value)
        case "min_effect", int() | float() if _positive(value) and value < 1:
            return float(value)
        case "budgets", dict() if all(_whole(number) for number in value.values()):
            # Allowing one counter to grow is no word on the others.
            return {**RunnersConfig().budgets, **value}
        case "peak_flops", dict() if all(_positive(number) for number in value.values()):
            return {kind: float(number) for kind, number in value.items()}
    wanted = {
        "paths": "a list of strings",
        "pytest_args": "a list of strings",
        "requirements": 'a list of strings, such as ["requirements.txt", ".[train]"]',
        "install": 'a list of strings, such as ["uv", "sync", "--frozen", "--active"]',
        "threads": "a whole number of at least 1",
        "timeout": "a number of seconds above 0",
        "max_seconds": "a number of seconds above 0",
        "total_seconds": "a number of seconds above 0",
        "min_effect": "a number between 0 and 1, such as 0.02 for 2 %",
        "budgets": "a table of counters and whole numbers, such as { host_syncs = 0 }",
        "peak_flops": "a table of types and numbers above 0, such as { bfloat16 = 3.1e14 }",
    }
    raise ValueError(f"[tool.perflint.runners] {key} has to be {wanted[key]}, not {value!r}")


def _positive(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and value > 0
        and math.isfinite(value)
    )


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
