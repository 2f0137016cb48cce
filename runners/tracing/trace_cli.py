"""The command that finds where a training script waits for the GPU: `perflint trace`."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ... import PerflintError

if TYPE_CHECKING:
    from .findings import StaticFinding
    from .trace import Trace
    from .traced import Traced

_EPILOG = """\
examples
  perflint trace -- python train.py --epochs 1
  perflint trace -- python -m project.train
  perflint trace --budget 2 -- torchrun --nproc-per-node 1 train.py

Without a GPU the script runs on the CPU as if it had one: `torch.cuda.is_available()` is True, and
tensors say that they are on "cuda:0". What it computes is the same as on the CPU. Let it make some
ten steps: they are what is told. docs/tracing.md says what is seen and what is not.

exit status
  0  the script ended with 0, and no step waits more often than --budget
  1  a step waits more often than --budget
  2  perflint could not do its work: nothing was traced, or there is no step (on the GPU) that a
     budget holds for
  any other status is the script's own; a script that ends with 1 or 2 ends perflint with it, too
"""


def run(words: list[str]) -> int:
    """Run `perflint trace` and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="perflint trace",
        usage="perflint trace [OPTIONS] -- COMMAND ...",
        description="Run an unmodified training script and list where each step waits for the GPU. "
        "No GPU is needed.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--budget", type=int, metavar="N", help="fail where a step waits more than N times")
    add(
        "--skip",
        type=int,
        default=1,
        metavar="STEPS",
        help="steps at the start that no budget holds for (default: 1)",
    )
    add("--all", action="store_true", help="list what happens outside of steady steps, too")
    add(
        "--findings",
        type=Path,
        metavar="FILE",
        help="say which waits the linter has found, too, and which only this run: what `perflint "
        "check --output-format json` printed",
    )
    add("--format", choices=("text", "json"), default="text", help="how to print it")
    add("--out", type=Path, metavar="FILE", help="write the trace there as JSON as well")
    options, command = _split(parser, words)
    return _trace(options, command)


def _split(
    parser: argparse.ArgumentParser, words: list[str]
) -> tuple[argparse.Namespace, list[str]]:
    """Part perflint's own words from the command behind `--`."""
    if "--" not in words:
        options, rest = parser.parse_known_args(words)
        parser.error(f"write the command behind `--`: perflint trace -- {' '.join(rest) or '...'}")
    here = words.index("--")
    options, command = parser.parse_args(words[:here]), words[here + 1 :]
    if not command:
        parser.error("no command behind `--`")
    if options.budget is not None and options.budget < 0:
        parser.error("--budget has to be 0 or more")
    if options.skip < 1:
        parser.error("--skip has to be 1 or more: the first step is never held against a budget")
    return options, command


def _trace(options: argparse.Namespace, command: list[str]) -> int:
    from .traced import run_traced

    findings = None if options.findings is None else _findings(options.findings)
    done = run_traced(command, quiet=options.format == "json")
    if not done.traces:
        if done.status:
            return done.status
        raise PerflintError(
            "no process of this command has imported torch, or not under perflint: Python's -I "
            "and -E keep it out, and so does `os._exit`"
        )
    trace = done.traces[0]
    _tell(options, trace, findings)
    return _status(options, trace, done)


def _findings(file: Path) -> "list[StaticFinding]":
    from .findings import read_findings

    try:
        return read_findings(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise PerflintError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise PerflintError(
            f"{file} is not what `perflint check --output-format json` prints"
        ) from error


def _tell(
    options: argparse.Namespace, trace: "Trace", findings: "list[StaticFinding] | None"
) -> None:
    from ..text.layout import harmless
    from ..text.screen import width
    from .trace_json import as_json
    from .trace_text import Page, as_text

    if options.out is not None:
        try:
            options.out.write_text(as_json(trace) + "\n", encoding="utf-8")
        except OSError as error:
            raise PerflintError(f"{options.out} cannot be written: {error.strerror}") from error
    if options.format == "json":
        print(as_json(trace))
    else:
        page = Page(os.getcwd(), width(), options.all, findings)
        print(harmless("\n" + as_text(trace, page)), flush=True)


def _status(options: argparse.Namespace, trace: "Trace", done: "Traced") -> int:
    from .rhythm import over_budget
    from .trace import NOT_ON_GPU
    from .trace_text import over_text

    others = [other for other in done.traces[1:] if other.steps]
    if others:
        words = "1 more process" if len(others) == 1 else f"{len(others)} more processes"
        print(f"note: {words} made steps: one is told", file=sys.stderr)
    if done.status:
        return done.status
    if options.budget is None:
        return 0
    if trace.steps <= max(1, options.skip):
        raise PerflintError(
            f"the script made {trace.steps} steps, and a budget holds from step "
            f"{max(1, options.skip) + 1}: let it make more"
        )
    if NOT_ON_GPU in trace.notices:
        raise PerflintError("a budget holds for steps on the GPU, and these were not: see the note")
    over = over_budget(trace, options.budget, skip=options.skip)
    if over is None:
        return 0
    print(over_text(over, options.budget, os.getcwd()), file=sys.stderr)
    return 1
