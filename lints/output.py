"""Tells the outcome of a check: in which form, where to, in colours or without."""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from .. import PerflintError
from .again import say
from .colour import wants_colour
from .outcome import Outcome, Suppressed, summary
from .sources import lines_below

if TYPE_CHECKING:
    from .check import CheckResult
    from .config import LintConfig


def tell(
    result: "CheckResult",
    root: Path,
    *,
    output_format: str = "text",
    output_file: Path | None = None,
    statistics: bool = False,
    given: Mapping[str, str] | None = None,
    suppressed: Iterable[Suppressed] = (),
    config: "LintConfig | None" = None,
) -> str:
    """Write the outcome to a file or to the standard output, and what went wrong to the log.

    Returns what was written.

    `given` are the texts of paths that are not to be read from the disk; `suppressed` is told only
    where a form has a place for it, with what comments silence.
    """
    result = replace(result, findings=tuple(dict.fromkeys(result.findings)))
    coloured = output_file is None and wants_colour(sys.stdout, os.environ)
    source_of = lines_below(root, given)
    by_comments = (Suppressed(each.finding, True, each.reason or None) for each in result.silenced)
    outcome = Outcome(result, root, source_of, coloured, (*by_comments, *suppressed), config)
    text = _counted(outcome, output_format) if statistics else render(outcome, output_format)
    if output_file is None:
        say(text)
    else:
        _write(output_file, text)
        print(f"perflint: {summary(result)}; see {output_file}", file=sys.stderr)
    if output_file is not None or output_format != "text":
        # The output is read by a program, or later: whoever reads the log needs the words too.
        for problem in result.problems:
            print(f"perflint: {problem}", file=sys.stderr)
    return text


def render(outcome: Outcome, output_format: str) -> str:
    """Put the outcome into one of the forms in `outputs/`, of which only this one is imported."""
    form = import_module(f".outputs.{output_format}", __package__)
    text: str = form.render(outcome)
    return text


def _counted(outcome: Outcome, output_format: str) -> str:
    from .tally import as_json, as_text

    if output_format not in ("text", "json"):
        raise PerflintError(
            f"--statistics is a table or json, not {output_format}: leave one of the options out"
        )
    return as_json(outcome) if output_format == "json" else as_text(outcome)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise PerflintError(f"cannot write {path}: {error.strerror}") from error
