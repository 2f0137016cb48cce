"""Checks what comes on the standard input, as editors send it, in the name of a file."""

import argparse
import os
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

from .config import LintConfig
from .files import SourceFile, UnreadableError, decoded
from .fixing import findings_in, fix_text
from .mending import say_how_many, show_patch, wanted_by, write_bytes
from .output import tell
from .settings import Settings, any_fails

_NAMELESS = "<stdin>"


def check_piped(options: argparse.Namespace, root: Path, config: LintConfig) -> int:
    """Check the standard input and return the exit status.

    With --fix the fixed text goes to the standard output, and the findings to the log.
    """
    raw = sys.stdin.buffer.read()
    path = root / (options.stdin_filename or _NAMELESS)
    name = Path(os.path.relpath(path, root.absolute())).as_posix()
    if Settings(config).excludes(path):
        return _untouched(raw, options)
    try:
        source = decoded(raw, name)
    except UnreadableError as error:
        if options.fix and not options.diff:
            write_bytes(raw)  # an editor that replaces its buffer must not lose it
        print(f"perflint: {name} {error}", file=sys.stderr)
        return 2
    if options.fix:
        return _fix(name, source, options, root, config)
    return _tell(name, source, options, root, config, ())


def _fix(
    name: str, source: SourceFile, options: argparse.Namespace, root: Path, config: LintConfig
) -> int:
    file = fix_text(root, name, source, config, wanted_by(options))
    problems = file.fixed.problems
    say_how_many(len(file.fixed.applied), int(file.differs), options)
    if options.diff:
        show_patch(file)
        return 2 if problems else int(file.differs)
    write_bytes(file.fixed.source.encoded())
    with redirect_stdout(sys.stderr):
        status = _tell(name, file.fixed.source, options, root, config, problems)
    return (2 if problems else 0) if options.fix_only else status


def _tell(
    name: str,
    source: SourceFile,
    options: argparse.Namespace,
    root: Path,
    config: LintConfig,
    problems: tuple[str, ...],
) -> int:
    found = findings_in(root, name, source, config)
    result = replace(found, problems=(*problems, *found.problems))
    tell(
        result,
        root,
        output_format=options.output_format,
        output_file=options.output_file,
        statistics=options.statistics,
        config=config,
        given={name: source.text},
    )
    if result.problems:
        return 2
    return int(any_fails(result.findings, root, config) and not options.exit_zero)


def _untouched(raw: bytes, options: argparse.Namespace) -> int:
    if options.fix and not options.diff:
        write_bytes(raw)
    return 0
