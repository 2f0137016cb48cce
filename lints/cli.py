"""The linter's commands: `perflint check`; the others are in files of their own."""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import PerflintError
from .options import check_parser, is_piped

if TYPE_CHECKING:
    from .config import LintConfig
    from .work import Effort


def run(command: str, words: list[str]) -> int:
    """Run one of the room's commands and return the exit status."""
    if command == "check":
        return _check(words)
    if command in ("lsp", "completion"):
        from .editor_cli import run_completion, run_lsp

        return {"lsp": run_lsp, "completion": run_completion}[command](words)
    if command == "validate-config":
        from .settings_cli import run_validate

        return run_validate(words)
    from .rules_cli import run_explain, run_rules

    return {"rules": run_rules, "explain": run_explain}[command](words)


def _check(words: list[str]) -> int:
    # A bare --add-ignore must not take the path behind it for its reason.
    words = [f"{word}=" if word == "--add-ignore" else word for word in words]
    options = check_parser().parse_args(words)
    options.fix |= options.unsafe_fixes or options.fix_only or options.diff or options.interactive
    if options.watch:
        from .watch import watch_check

        return watch_check(options, lambda: _check_once(options))
    return _check_once(options)


def _check_once(options: argparse.Namespace) -> int:
    root = Path.cwd()
    config = _configured(options)
    if options.show_settings:
        from .settings_cli import show

        return show(options.paths or [root], config)
    if is_piped(options):
        from .piped import check_piped

        return check_piped(options, root, config)
    from .changed import changed_lines
    from .known import check_held
    from .outcome import Suppressed
    from .output import tell
    from .settings import any_fails

    paths = _given(options, root)
    changed = changed_lines(root, options.diff_base) if options.diff_base else None
    effort = _effort(options, root)
    if options.write_baseline:
        from .baseline_cli import write_new

        return write_new(root, paths, config, changed)
    if options.update_baseline and (changed is not None or not config.baseline):
        raise PerflintError("--update-baseline wants a baseline, and a check without --diff-base")
    held = check_held(root, paths, config, changed, effort=effort)
    result = held.result
    if options.fix:
        from .mending import mend

        files, problems = mend(result, root, config, changed, options)
        if options.diff or options.fix_only:
            for problem in (*result.problems, *problems):
                print(f"perflint: {problem}", file=sys.stderr)
            return 2 if result.problems or problems else int(options.diff and files > 0)
        if files:
            # The lines that a fix has moved are still those of the change.
            changed = changed_lines(root, options.diff_base) if options.diff_base else None
            held = check_held(root, paths, config, changed, effort=effort)
        result = replace(held.result, problems=(*result.problems, *problems))
    if options.add_ignore is not None:
        from .ignoring import add_ignores

        problems = add_ignores(result, root, options.add_ignore)
        changed = changed_lines(root, options.diff_base) if options.diff_base else None
        held = check_held(root, paths, config, changed, effort=effort)
        result = replace(held.result, problems=(*held.result.problems, *problems))
    tell(
        result,
        root,
        output_format=options.output_format,
        output_file=options.output_file,
        statistics=options.statistics,
        config=config,
        suppressed=[Suppressed(f, in_source=False, reason="baseline") for f in held.known],
    )
    if held.stale:
        from .baseline_cli import tell_stale

        tell_stale(held.stale, update=options.update_baseline)
    if result.problems:
        return 2
    return int(any_fails(result.findings, root, config) and not options.exit_zero)


def _given(options: argparse.Namespace, root: Path) -> list[Path]:
    if not options.hook:
        return options.paths or [root]
    from .hooked import worth_checking

    return [path for path in options.paths if worth_checking(path)]


def _configured(options: argparse.Namespace) -> "LintConfig":
    from .config import load_config, with_command_line
    from .keys import said_by

    return with_command_line(load_config(Path.cwd()), said_by(vars(options)))


def _effort(options: argparse.Namespace, root: Path) -> "Effort":
    from .cache import FOLDER
    from .progress import on_terminal
    from .work import Effort

    return Effort(
        cache=None if options.no_cache else root / (options.cache_dir or FOLDER),
        processes=options.jobs or os.cpu_count() or 1,
        shortcuts=options.engine == "fast",
        progress=on_terminal(),
    )
