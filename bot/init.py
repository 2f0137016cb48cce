"""`perflint init`: writes settings, a first perf test and the workflows into a repository."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from .. import PerflintError
from ..runners.sides.git import git, repository
from .setup.choices import Choices, labels
from .setup.files import files
from .setup.plan import SETTINGS, Do, Step, install_line, plan
from .setup.source import Source, read_action, read_lock

ABOUT = """\
Set perflint up in this repository: a table in pyproject.toml, a first perf test in perf_tests/, and
four workflows for GitHub Actions. The difference is shown first; a file that is there already and
says something else is never written over.

  perflint.yml          lints and measures a pull request; strangers' code, and no token
  perflint-report.yml   tells it, with a token, and never touches the pull request's code
  perflint-command.yml  obeys `/perflint ...` in comments
  perflint-measure.yml  measures a commit that such a command names
"""

EPILOG = """\
examples
  perflint init --action OWNER/perflint@COMMIT              all 40 digits; all on ubuntu-latest
  perflint init --action OWNER/perflint@COMMIT --runner self-hosted,perflint-gpu
  perflint init --lock perflint-lock.txt                    packages of your own registry, by hash

docs/actions.md goes from nothing to the first comment; docs/hardening.md says what keeps a
stranger's pull request from your machines and tokens.

exit status: 0 all is there; 1 you said no, or a file of yours is to be merged by hand; 2 it could
not be done
"""


def main(words: list[str]) -> int:
    """Set the repository up and return the exit status."""
    asked = _parser().parse_args(words)
    root = repository(Path.cwd())
    choices = _choices(asked)
    settings = _read(root, [SETTINGS])
    if not choices.install:
        names = sorted(file.name for file in root.iterdir())
        choices = replace(choices, install=install_line(settings, names))
    wanted = files(choices)
    steps = plan(wanted, settings | _read(root, [one.path for one in wanted]))
    changes = [step for step in steps if step.do in (Do.WRITE, Do.ADD)]
    if changes and not asked.allow_dirty and not asked.diff:
        _refuse_dirty(root)
    _show(steps)
    if asked.diff:
        return 0
    if changes and not asked.yes and not _agreed(len(changes)):
        print("perflint: nothing was written")
        return 1
    for step in changes:
        _write(root, step)
    return _end(steps, choices)


def _choices(asked: argparse.Namespace) -> Choices:
    return Choices(
        _source(asked),
        runner=labels(asked.runner),
        helper_runner=labels(asked.helper_runner),
        environment=asked.environment,
        python="" if asked.python == "none" else asked.python,
        by_command=asked.by_command,
        by_app=asked.app,
        artifact_host=asked.artifact_host,
        install=asked.install,
        command_branch=asked.command_branch,
    )


def _source(asked: argparse.Namespace) -> Source:
    if (asked.action is None) == (asked.lock is None):
        raise PerflintError(
            "where do the workflows take perflint from? Say one of --action OWNER/REPO@COMMIT, "
            "with all 40 digits, and --lock FILE, packages with their hashes"
        )
    if asked.action is not None:
        return read_action(asked.action, asked.action_version)
    try:
        return read_lock(asked.lock.read_text(encoding="utf-8"), str(asked.lock))
    except (OSError, UnicodeDecodeError) as error:
        raise PerflintError(f"cannot read --lock {asked.lock}: {error}") from error


def _read(root: Path, paths: Sequence[PurePosixPath]) -> dict[PurePosixPath, str]:
    """Read those of the files that exist."""
    found = {}
    for path in paths:
        file = root / path
        try:
            if file.is_symlink() or file.exists():
                found[path] = file.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PerflintError(f"cannot read {path}, which is there already: {error}") from error
    return found


def _refuse_dirty(root: Path) -> None:
    changed = git(root, "status", "--porcelain", "--untracked-files=no").splitlines()
    if changed:
        raise PerflintError(
            f"{len(changed)} tracked files have changes that are not committed (the first: "
            f"{changed[0][3:]}): commit or stash them, so that `git diff` then shows what was "
            "written and nothing else, or say --allow-dirty"
        )


def _show(steps: Sequence[Step]) -> None:
    for step in steps:
        if difference := step.diff():
            print(difference)
    for step in steps:
        print(f"{step.do.value:<14}{step.path}")


def _agreed(number: int) -> bool:
    if not sys.stdin.isatty():
        raise PerflintError("nobody is there to ask: say --yes to write this, or --diff to look")
    question = f"\nWrite {number} file{'s' if number > 1 else ''}? [y/N] "
    return input(question).strip().lower() in ("y", "yes")


def _write(root: Path, step: Step) -> None:
    """Write a file whole or not at all; what has come since we looked is not written over."""
    target = root / step.path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if root.resolve() not in target.parent.resolve().parents and step.path.parent.parts:
            raise PerflintError(f"{step.path.parent} leads out of the repository")
        if step.do is not Do.WRITE and target.read_bytes().decode("utf-8") != step.before:
            raise PerflintError(f"{step.path} has changed since it was read: run init again")
        fresh = target.with_name(f".{target.name}.perflint")
        try:
            fresh.write_bytes(step.after.encode())
            if step.do is Do.WRITE:
                _place(fresh, target)
            else:
                fresh.chmod(target.stat().st_mode & 0o777)
                os.replace(fresh, target.resolve())
        finally:
            fresh.unlink(missing_ok=True)  # half a file on a full disk helps nobody
    except OSError as error:
        raise PerflintError(f"cannot write {step.path}: {error}") from error


def _place(fresh: Path, target: Path) -> None:
    """Give a file its name. Raises FileExistsError where something has that name already."""
    try:
        os.link(fresh, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.is_symlink() or target.exists():
            raise FileExistsError(f"{target.name} is there already") from None
        os.replace(fresh, target)


def _end(steps: Sequence[Step], choices: Choices) -> int:
    left = [step for step in steps if step.do is Do.LEAVE]
    print()
    if left:
        print("These are yours, and stay as they are. Merge the difference above by hand:")
        print(*(f"  {step.path}" for step in left), sep="\n")
    print("Next:")
    if not choices.by_command and not choices.by_app:
        print(
            f"  make the environment {choices.environment}, whose reviewers let a fork's code run"
        )
    if choices.is_self_hosted:
        print("  read docs/hardening.md before a stranger's code comes to your machine")
    print(
        "  commit it to the default branch: GitHub takes the workflows that tell from there alone"
    )
    return 1 if left else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="perflint init",
        description=ABOUT,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    usual = Choices(read_action(f"x/x@{'0' * 40}"))
    add = parser.add_argument
    add("--action", metavar="OWNER/REPO@COMMIT", help="take perflint from this action")
    add("--action-version", default="", metavar="V", help="what people call that commit: v0.1.0")
    add(
        "--lock",
        type=Path,
        metavar="FILE",
        help="take it from your package registry: a requirements file with every package's hash",
    )
    add(
        "--runner",
        default=",".join(usual.runner),
        metavar="LABELS",
        help="labels of the machine that measures, with commas between (%(default)s)",
    )
    add(
        "--helper-runner",
        default=",".join(usual.helper_runner),
        metavar="LABELS",
        help="labels of the machine that lints and tells (%(default)s)",
    )
    add(
        "--environment",
        default=usual.environment,
        metavar="NAME",
        help="whose reviewers let a fork's code run (%(default)s)",
    )
    add(
        "--by-command",
        action="store_true",
        help="a push is only linted; `/perflint run` measures: for a runner group that is "
        "restricted to perflint-measure.yml (docs/hardening.md)",
    )
    add(
        "--app",
        action="store_true",
        help="a GitHub App tells and obeys (docs/server.md): only what measures is written",
    )
    add(
        "--artifact-host",
        default="",
        metavar="HOSTS",
        help="further hosts that artifacts are fetched from, with blanks between: the storage of "
        "your GitHub Enterprise",
    )
    add(
        "--command-branch",
        default="",
        metavar="BRANCH",
        help="where commands start what measures, so that a stranger's code can write no cache of "
        "the default branch (docs/hardening.md; default: the default branch)",
    )
    add("--install", default="", metavar="COMMAND", help="installs your project, with PyTorch")
    add(
        "--python",
        default=usual.python,
        metavar="VERSION",
        help="the version of Python, or none for the runner's own (%(default)s)",
    )
    add("--diff", action="store_true", help="only show what would be written")
    add("--yes", action="store_true", help="do not ask")
    add("--allow-dirty", action="store_true", help="also with changes that are not committed")
    return parser
