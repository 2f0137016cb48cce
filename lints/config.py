"""The [tool.perflint.lints] table of the nearest pyproject.toml as a dataclass."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import PerflintError
from .finding import Confidence, Severity
from .keys import Override, severity_or_never, table_values

SETTINGS_FILE = "pyproject.toml"
SYNC_ALLOWED = ("gpu_sync_allowed",)
# The keys that pick rules: a later place adds to an earlier one instead of replacing its value.
SELECTING = ("select", "ignore", "extend_select", "extend_ignore")


@dataclass(frozen=True, slots=True)
class Layer:
    """Which rules one place asks for. `select` starts anew; the others add to what stands."""

    select: tuple[str, ...] = ()
    extend: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LintConfig:
    """Which rules run on which files, and what is shown of their findings.

    `select`, `ignore`: codes (`PFL101`), starts of them (`PFL1`), names (`host-copy`), `ALL`.
    `extend_select`, `extend_ignore`: the same, on top of the default or of `select`.
    `preview`: whether rules that are still on trial run without being named.
    `exclude`: globs of paths below `root`; a glob without a slash fits a name at any depth.
    `fail_on`: the lowest severity that makes `perflint check` fail; None where none does.
    `min_severity`, `min_confidence`: what lies below is not shown.
    `baseline`: the file of findings that are known, relative to `root`.
    `local`: modules of the project's own rules, relative to `root`.
    `accelerator`: "cuda" or "none" where the code does not say it; "auto" reads the code.
    `torch_version`: the oldest PyTorch that the code has to run on, such as "2.1".
    `sync_allowed`: context managers in whose bodies the host may wait for the device.
    `per_file_ignores`: pairs of a glob and the rules that its files are excused from.
    `overrides`: other values for files that fit a glob.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    extend_ignore: tuple[str, ...] = ()
    preview: bool = False
    exclude: tuple[str, ...] = ()
    fail_on: Severity | None = Severity.WARNING
    min_severity: Severity = Severity.WARNING
    min_confidence: Confidence = Confidence.LIKELY
    baseline: str | None = None
    local: tuple[str, ...] = ()
    accelerator: str = "auto"
    torch_version: str | None = None
    sync_allowed: tuple[str, ...] = SYNC_ALLOWED
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    overrides: tuple[Override, ...] = ()
    # What follows is no key of the table: where it was found, what the overrides and the command
    # line ask for after it, what the file at hand is excused from, and the command line itself.
    root: Path = field(default_factory=Path.cwd)
    layers: tuple[Layer, ...] = ()
    excused: tuple[str, ...] = ()
    command_line: tuple[tuple[str, Any], ...] = ()


def load_config(start: Path, top: Path | None = None) -> LintConfig:
    """Read the nearest pyproject.toml with a [tool.perflint] table at or above `start`.

    None means the defaults. Folders above `top` are not looked at: what lies there is no part of
    the project.
    """
    start = start.absolute()
    last = None if top is None else top.absolute()
    for folder in (start, *start.parents):
        if (document := perflint_document(folder)) is not None:
            return parse_config(document, folder)
        if folder == last:
            break
    return LintConfig(root=start)


def perflint_document(folder: Path) -> dict[str, Any] | None:
    """Read a folder's pyproject.toml; None where there is none with a [tool.perflint] table."""
    path = folder / SETTINGS_FILE
    try:
        text = path.read_bytes().decode("utf-8")
        if "perflint" not in text:
            return None  # somebody else's file, which need not even be right
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise PerflintError(f"cannot read the configuration in {path}: {error}") from error
    import tomllib  # who has no table of ours does not wait for its parser

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PerflintError(f"cannot read the configuration in {path}: {error}") from error
    tool = document.get("tool", {})
    return document if isinstance(tool, dict) and "perflint" in tool else None


def parse_config(document: dict[str, Any], root: Path) -> LintConfig:
    """Check the keys and types of a pyproject.toml. Raises PerflintError with all mistakes."""
    values, mistakes = table_values(document)
    if mistakes:
        raise PerflintError("\n  ".join([f"{root / SETTINGS_FILE}: {m}" for m in mistakes]))
    return replace(LintConfig(root=root), **levelled(values))


def with_command_line(config: LintConfig, given: Mapping[str, Any]) -> LintConfig:
    """Put the options of the command line over a table; `given` holds those that were said.

    Where it selects, the table's own selection no longer counts. What single files are excused
    from (`per_file_ignores`) stays.
    """
    layer = layer_of(given)
    plain = {key: value for key, value in given.items() if key not in SELECTING}
    return replace(
        config,
        **levelled(plain),
        layers=config.layers if layer == Layer() else (*config.layers, layer),
        command_line=tuple(given.items()),
    )


def layer_of(values: Mapping[str, Any]) -> Layer:
    """Return which rules a table, an override or the command line asks for."""
    return Layer(
        select=values.get("select", ()),
        extend=values.get("extend_select", ()),
        ignore=(*values.get("ignore", ()), *values.get("extend_ignore", ())),
    )


def levelled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Whoever fails on notes wants to see them, unless the same place says otherwise."""
    fail_on = values.get("fail_on")
    if fail_on is not None and not fail_on.at_least(Severity.WARNING):
        return {"min_severity": fail_on, **values}
    return dict(values)


def parse_severity(word: str) -> Severity | None:
    """Read `error`, `warning`, `info` or `never`. Raises PerflintError for anything else."""
    try:
        return severity_or_never(word)
    except ValueError as error:
        raise PerflintError(str(error)) from None
