"""What holds for each file: the nearest table, what it overrides there, and the command line."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from .config import (
    SELECTING,
    LintConfig,
    layer_of,
    levelled,
    parse_config,
    perflint_document,
    with_command_line,
)
from .files import excluded
from .finding import Confidence, Finding
from .keys import Override


class Settings:
    """Answers for thousands of files; each pyproject.toml is read once.

    `config` is what holds at the place that perflint was called for, command line included. A
    nearer table holds for the files below it.
    """

    def __init__(self, config: LintConfig) -> None:
        self._config = config
        self._of_folder: dict[str, LintConfig] = {os.path.abspath(config.root): config}
        self._resolved: dict[tuple[int, tuple[int, ...]], LintConfig] = {}

    def for_file(self, path: Path | str) -> LintConfig:
        """Return what holds for one file, as the same object for files that are judged alike."""
        text = os.path.abspath(path)
        config = self._nearest(os.path.dirname(text))
        if not config.per_file_ignores and not config.overrides:
            return config
        key = (id(config), fitting := _fitting(config, _relative(text, config)))
        if key not in self._resolved:
            self._resolved[key] = _resolved(config, fitting)
        return self._resolved[key]

    def excludes(self, path: Path | str) -> bool:
        """Whether the nearest table wants a file left alone."""
        text = os.path.abspath(path)
        config = self._nearest(os.path.dirname(text))
        return bool(config.exclude) and excluded(_relative(text, config), config.exclude)

    def _nearest(self, folder: str) -> LintConfig:
        known = self._of_folder.get(folder)
        if known is None:
            document = perflint_document(Path(folder))
            above = os.path.dirname(folder)
            if document is not None:
                known = with_command_line(
                    parse_config(document, Path(folder)), dict(self._config.command_line)
                )
            else:
                known = self._config if above == folder else self._nearest(above)
            self._of_folder[folder] = known
        return known


def visible(findings: Iterable[Finding], config: LintConfig) -> list[Finding]:
    """Keep what matters enough, and is sure enough, to be shown."""
    order = list(Confidence)
    surest = order[order.index(config.min_confidence) :]
    return [
        finding
        for finding in findings
        if finding.severity.at_least(config.min_severity) and finding.confidence in surest
    ]


def any_fails(findings: Iterable[Finding], root: Path, config: LintConfig) -> bool:
    """Whether a finding is bad enough to fail, by what holds for its own file."""
    settings = Settings(config)
    for finding in findings:
        lowest = settings.for_file(root / finding.path).fail_on
        if lowest is not None and finding.severity.at_least(lowest):
            return True
    return False


def fits(relative: str, globs: Sequence[str]) -> bool:
    """Whether a path fits one of the globs; `!glob` fits all that the glob does not."""
    return any(
        not excluded(relative, [glob[1:]]) if glob.startswith("!") else excluded(relative, [glob])
        for glob in globs
    )


def fitting_parts(
    config: LintConfig, path: Path
) -> tuple[list[tuple[str, tuple[str, ...]]], list[Override]]:
    """Return which per-file ignores and which overrides of a configuration concern a file."""
    fitting = _fitting(config, _relative(os.path.abspath(path), config))
    count = len(config.per_file_ignores)
    return (
        [config.per_file_ignores[number] for number in fitting if number < count],
        [config.overrides[number - count] for number in fitting if number >= count],
    )


def _relative(path: str, config: LintConfig) -> str:
    """Return an absolute path as seen from the folder of its table; `relpath` is slow."""
    root = os.path.join(os.path.abspath(config.root), "")
    return path[len(root) :] if path.startswith(root) else os.path.relpath(path, root)


def _fitting(config: LintConfig, relative: str) -> tuple[int, ...]:
    """Return which of the per-file ignores and overrides concern a file, by their places."""
    globs: list[tuple[str, ...]] = [(glob,) for glob, _ in config.per_file_ignores]
    globs += [override.files for override in config.overrides]
    return tuple(number for number, each in enumerate(globs) if fits(relative, each))


def _resolved(config: LintConfig, fitting: tuple[int, ...]) -> LintConfig:
    """Let the overrides that concern a file speak between the table and the command line."""
    said = dict(config.command_line)
    excused: list[str] = []
    resolved = replace(config, layers=())
    for number in fitting:
        if number < len(config.per_file_ignores):
            excused += config.per_file_ignores[number][1]
            continue
        values = dict(config.overrides[number - len(config.per_file_ignores)].values)
        plain = {key: value for key, value in values.items() if key not in SELECTING}
        layers = (*resolved.layers, layer_of(values))
        resolved = replace(resolved, **levelled(plain), layers=layers)
    return replace(with_command_line(resolved, said), excused=tuple(excused))
