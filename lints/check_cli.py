"""The command `perflint check`, where it has not said the same before."""

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
    from .record import Beginning
    from .work import Effort


def run_check(words: list[str]) -> int:
    """Run `perflint check` and return the exit status."""
    # A bare --add-ignore must not take the path behind it for its reason.
    given = [f"{word}=" if word == "--add-ignore" else word for word in words]
    options = check_parser().parse_args(given)
    options.fix |= options.unsafe_fixes or options.fix_only or options.diff or options.interactive
    if options.watch:
        from .watch import watch_check

        return watch_check(options, lambda: _check_once(options, words))
    return _check_once(options, words)


def _check_once(options: argparse.Namespace, words: list[str]) -> int:
    root = Path.cwd()
    beginning = _beginning(options, root)
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

        files, problems = mend(result, root, paths, config, changed, options, effort)
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
    if options.confirmed_by:
        from .confirm import confirmed, read_seen
        from .registry import costly

        findings = confirmed(result.findings, read_seen(options.confirmed_by), costly(config))
        result = replace(result, findings=findings)
    if options.costs:
        from .costs import ranked, read_costs

        findings = ranked(result.findings, read_costs(options.costs))
        result = replace(result, findings=findings)
    text = tell(
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
    status = int(any_fails(result.findings, root, config) and not options.exit_zero)
    if beginning is not None and not held.stale:
        from .record import keep

        keep(words, beginning, config, held.baselines, (text, status))
    return status


def _beginning(options: argparse.Namespace, root: Path) -> "Beginning | None":
    from .record import begin

    return begin(options, root)


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
    from .again import FOLDER
    from .cache import Cache
    from .progress import on_terminal
    from .work import Effort

    folder = None if options.no_cache else root / (options.cache_dir or FOLDER)
    return Effort(
        cache=folder,
        processes=options.jobs or os.cpu_count() or 1,
        shortcuts=options.engine == "fast",
        progress=on_terminal(),
        # Fixing checks again and again.
        memory=Cache(folder) if options.fix else None,
    )
