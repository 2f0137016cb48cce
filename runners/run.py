"""Runs the affected perf tests of base and head, from their choice to the joined result."""

from dataclasses import replace

from .. import PerflintError
from .config import RunnersConfig
from .limit import TimeLimit
from .one_version import Say, VersionRun
from .prepare import (
    RunOptions,
    missing_packages,
    perf_files,
    require_packages,
    select_tests,
)
from .processes.isolate import WorkerPlan
from .result import RunResult
from .sample import Side
from .selection.harness import share_harness, signed
from .selection.imports import ImportGraph
from .selection.keyword import fits_by_name, require_match
from .selection.reasons import PerfFile
from .selection.select import find_perf_files
from .sides.checkout import Checkout
from .sides.environments import make_environments
from .sides.extensions import missing_submodules, share_extensions
from .sides.git import tracked_files
from .sides.provenance import FirstParty
from .versions import join_versions, this_change


def run_perf_tests(
    checkout: Checkout, config: RunnersConfig, options: RunOptions, say: Say
) -> RunResult:
    """Select, check, measure and judge. `say` is told what goes on, one short sentence at a time.

    Raises PerflintError where it cannot begin: PyTorch missing, for instance, or a keyword that
    fits no perf test.
    """
    result = _run(checkout, config, options, say)
    if not options.keyword or result.tests or result.refused or result.interrupted:
        return result
    note = _look_for_keyword(checkout, config, options, say)
    return replace(result, notes=(*result.notes, note)) if note else result


def _look_for_keyword(
    checkout: Checkout, config: RunnersConfig, options: RunOptions, say: Say
) -> str | None:
    """Complain where no perf test, affected or not, fits; return a note where nobody can tell."""
    tracked = {side: tracked_files(checkout.root(side)) for side in Side}
    graphs = {
        side: ImportGraph(checkout.root(side), tracked[side], checkout.repository) for side in Side
    }
    found = perf_files(checkout, config, tracked, graphs)
    every = [file for files in found.values() for file in files]
    if fits_by_name(options.keyword, every):
        return None
    if every and (missing := missing_packages()):
        return f"whether -k {options.keyword!r} fits a perf test was not looked up: {missing}"
    say(f"looking for a perf test that -k {options.keyword!r} fits")
    plan = WorkerPlan(
        repository=checkout.repository,
        scratch=checkout.scratch,
        files=(),
        keyword=options.keyword,
        pytest_args=config.pytest_args,
        threads=config.threads,
        timeout=config.timeout,
        min_effect=config.min_effect,
        own=FirstParty(frozenset(), frozenset()),  # nothing is run
    )
    return require_match(checkout, plan, found)


def _run(checkout: Checkout, config: RunnersConfig, options: RunOptions, say: Say) -> RunResult:
    choice, notes = select_tests(checkout, config, options)
    nothing = RunResult(
        choice.selection, (), None, options.seed, tuple(notes), unread=choice.unread
    )
    if not choice.every_file:
        return nothing
    require_packages()
    limit = TimeLimit(config.total_seconds)
    own = make_environments(checkout, config, choice.dependencies, say, limit)
    if own.refused:
        return replace(nothing, refused=own.refused)
    notes = [*([checkout.old_base] if checkout.old_base else []), *own.notes, *notes]
    used = {file.path: choice.ran[file.path] for file in choice.every_file}
    compiled, refused = share_extensions(checkout, used)
    notes += [*compiled, *missing_submodules(checkout.root(side) for side in Side)]
    nothing = replace(nothing, notes=tuple(notes), refused=refused, dependencies=own.changes)
    if refused:
        return nothing
    harness = share_harness(checkout, choice.every_file, choice.helpers)
    gone = tuple(file.path for file in choice.removed)
    edited = (*harness.edited(choice.files), *gone)
    # Files that are perf tests no more, and are the same otherwise, are as good as removed.
    removed = harness.removed | {path for path in gone if path not in harness.originals}
    users = harness.users(choice.every_file)
    changed = this_change({*harness.changed(edited), *removed}, removed, users)
    versions = 2 if edited else 1
    result = nothing
    if choice.files:
        first = VersionRun(
            checkout,
            config,
            options,
            choice,
            own,
            say,
            limit,
            added=harness.added,
            versions=versions,
        )
        result = signed(first.result(tuple(notes)), checkout.head_root)
    if not edited or result.refused or result.interrupted:
        return result
    say("again with base's version of what the change edits")
    try:
        harness.use_base_version(checkout)
        known = {file.path: file for file in find_perf_files(checkout.base_root, edited)}
        theirs = replace(choice, files=tuple(known.get(p, PerfFile(p, ())) for p in edited))
        second = VersionRun(checkout, config, options, theirs, own, say, limit, versions=versions)
        again = second.result(())
    except (PerflintError, KeyboardInterrupt) as error:
        # What head's version has found stands.
        stopped = isinstance(error, KeyboardInterrupt)
        why = "the user stopped the run" if stopped else str(error)
        note = f"{changed}; base's version could not be run: {why}"
        return replace(result, notes=(note, *result.notes), interrupted=stopped)
    return join_versions(result, signed(again, checkout.base_root), changed)
