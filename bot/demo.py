"""`perflint demo`: makes a small training repository with planted changes and runs `ci` on it."""

import argparse
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from .. import PerflintError
from ..runners.result import TestResult
from ..runners.text.numbers import ARROW
from ..runners.verdict.compare import Verdict

if TYPE_CHECKING:
    # Reading reports needs msgspec, and making the repository does not.
    from .report import Report

FILES = Path(__file__).parent.parent / "demo"

# Lies inside .git and names the two commits that we made.
MARKER = "perflint-demo"

OUTPUT = ".perflint"

ABOUT = """\
Make a small git repository with two commits and run `perflint ci` on it. The head commit plants
three changes, each of which only one perf test can see:

  minitrain/gpt.py    one projection is computed three times: test_gpt_train gets slower
  minitrain/steps.py  the loss is read with .item(): one host sync per step in test_convnet_train
  minitrain/data.py   new names and docstrings: test_loader_train stays as fast as it was
"""

EPILOG = """\
A demo that stands in DIR already is made anew, unless you changed it. It needs git, torch, and
what `pip install 'torch-perflint[bench,bot]'` brings.

exit status: 0 the planted changes were found and the harmless one was not blamed (on a noisy
machine its time may stay unsure), 1 they were not, 2 perflint could not do its work
"""


class Outcome(Enum):
    """How what the report tells agrees with what was planted."""

    FOUND = "found"
    UNSURE = "unsure"  # nothing wrong was said, and of the time nothing at all
    MISSED = "MISSED"


@dataclass(frozen=True, slots=True)
class Planted:
    """What the head commit does to one perf test.

    `lacks` names what the report should say of it besides the verdict and does not.
    """

    test: str
    what: str
    verdict: Verdict
    lacks: Callable[[TestResult, "Report"], str | None]

    def outcome(self, result: TestResult, report: "Report") -> Outcome:
        """Compare what is told with what was planted."""
        if self.lacks(result, report):
            return Outcome.MISSED
        # A busy machine may leave two equal speeds open; no noise explains a slowdown not found.
        if result.verdict is Verdict.UNSURE and self.verdict is Verdict.SAME:
            return Outcome.UNSURE
        return Outcome.FOUND if result.verdict is self.verdict else Outcome.MISSED


def _lacks_line(result: TestResult, report: "Report") -> str | None:
    lines = result.profile.lines if result.profile else ()
    blamed = (
        line.touched and line.path == "minitrain/gpt.py" and line.head_ms > line.base_ms
        for line in lines
    )
    return None if any(blamed) else "no changed line of minitrain/gpt.py that takes longer"


def _lacks_sync(result: TestResult, report: "Report") -> str | None:
    counted = {counter.name: counter for counter in result.over_budget}
    syncs = counted.pop("host_syncs", None)
    if counted or syncs is None or (syncs.base, syncs.head) != (0, 1):
        return "not the one host sync over budget"
    lines = {site.line for site in syncs.sites if site.path == "minitrain/steps.py"}
    if not lines:
        return "no line of minitrain/steps.py that waits"
    found = any(
        finding.code == "PFL101"
        and finding.path == "minitrain/steps.py"
        and finding.span.line in lines
        for finding in report.lint.findings
    )
    return None if found else "no finding PFL101 on the line that waits"


def _lacks_calm(result: TestResult, report: "Report") -> str | None:
    if result.over_budget:
        return "a counter over budget, though no work was added"
    return None if result.comparison else "not timed, though its code was edited"


PLANTED = (
    Planted("test_gpt_train", "work was added", Verdict.SLOWER, _lacks_line),
    Planted("test_convnet_train", "a host sync was added", Verdict.SAME, _lacks_sync),
    Planted("test_loader_train", "only names and words changed", Verdict.SAME, _lacks_calm),
)


def main(words: list[str]) -> int:
    """Run `perflint demo` with the words after the command; return the exit status."""
    options = _parser().parse_args(words)
    folder = Path(options.into).absolute()
    base, head = make_demo(folder)
    print(f"perflint: a training repository with two commits is in {folder}", flush=True)
    if options.no_run:
        there = shlex.quote(str(folder))
        print(f"perflint: next: cd {there} && perflint ci --base {base[:7]} --head {head[:7]}")
        return 0
    return _run(folder, base, head)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="perflint demo",
        description=ABOUT,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--into", default="perflint-demo", metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument(
        "--no-run", action="store_true", help="make the repository and do not measure it"
    )
    return parser


def make_demo(folder: Path) -> tuple[str, str]:
    """Make the repository in `folder` and return the hashes of its base and head commits."""
    if shutil.which("git") is None:
        raise PerflintError("the demo is a git repository, and git was not found: install git")
    try:
        _make_room(folder)
        _git(folder, "init", "--quiet", "--template=")
        base = _commit(folder, "base", "Train a language model and an image model")
        head = _commit(folder, "head", "Tidy up: name the projections, return the loss as a number")
        (folder / ".git" / MARKER).write_text(f"{base} {head}\n", encoding="utf-8")
    except OSError as error:
        raise PerflintError(f"cannot make the demo in {folder}: {error}") from error
    return base, head


def _make_room(folder: Path) -> None:
    """Leave `folder` without anything of a demo; what somebody else put there stays."""
    if folder.exists() and not folder.is_dir():
        raise PerflintError(f"{folder} is a file: name a folder with --into")
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        return
    marker = folder / ".git" / MARKER
    if not marker.is_file():
        raise PerflintError(
            f"{folder} is not empty and no demo of perflint: name another folder with --into"
        )
    if not _is_untouched(folder, marker.read_text(encoding="utf-8").split()):
        raise PerflintError(
            f"the demo in {folder} has changes of yours: remove it yourself, or name another "
            "folder with --into"
        )
    for name in _git(folder, "ls-files", "-z").split("\0"):
        if name:
            (folder / name).unlink()
    shutil.rmtree(folder / ".git")


def _is_untouched(folder: Path, ours: list[str]) -> bool:
    # All refs: a commit on another branch, or in the stash, is work of somebody as well.
    commits = _git(folder, "rev-list", "--all", "HEAD").split()
    changes = _git(folder, "status", "--porcelain", "--untracked-files=all")
    return set(commits) == set(ours) and not changes


def _commit(folder: Path, side: str, message: str) -> str:
    """Lay the files of one side over what is there, commit them all, and return the hash."""
    source = FILES / side
    for file in source.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            # Package data leaves out names that begin with a dot: `dot-gitignore` is `.gitignore`.
            name = file.name.replace("dot-", ".", 1) if file.name.startswith("dot-") else file.name
            target = (folder / file.relative_to(source)).with_name(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            # The bytes alone: an installed package may be read-only.
            target.write_bytes(file.read_bytes())
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", message)
    return _git(folder, "rev-parse", "HEAD").strip()


def _git(folder: Path, *words: str) -> str:
    """Run git in `folder` and return what it printed."""
    command = ["git", "-C", str(folder), *words]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise PerflintError(f"`git {words[0]}` failed in {folder}: {done.stderr.strip()}")
    return done.stdout


def _environment() -> dict[str, str]:
    """Return our environment with git's part replaced, so that hashes are the same anywhere."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # Without the user's configuration: no signing, no hooks, no changed line ends.
    ours |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        ours[f"GIT_{role}_NAME"] = "perflint demo"
        ours[f"GIT_{role}_EMAIL"] = "demo@perflint.invalid"
        ours[f"GIT_{role}_DATE"] = "2026-01-01T00:00:00Z"
    return ours


def _run(folder: Path, base: str, head: str) -> int:
    # What these need is not needed to make the repository.
    from .ci import main as ci
    from .report import read_report

    out = folder / OUTPUT
    for name in ("comment.md", "report.json"):
        (out / name).unlink(missing_ok=True)  # never show those of the last run
    with chdir(folder):
        status = ci(["--base", base, "--head", head, "--out", str(out)])
    if status not in (0, 1):
        print(f"perflint: the demo could not be measured: `perflint ci` ended with {status}")
        return status
    report = read_report(out / "report.json")
    found, lines = compare_with_plan(report)
    print("\n--- what the pull request is told: comment.md ---\n")
    print((out / "comment.md").read_text(encoding="utf-8"))
    print("--- what was planted, and whether it was found ---\n")
    print(*lines, sep="\n")
    print(f"\nrepository: {folder}\ncomment:    {out / 'comment.md'}")
    print(f"report:     {out / 'report.json'}")
    return 0 if found and status == 1 else 1


def compare_with_plan(report: "Report") -> tuple[bool, list[str]]:
    """Say for each planted change whether the report tells it; True where none was missed."""
    told = {result.test.name: result for result in report.run.tests}
    outcomes, lines = [], []
    for planted in PLANTED:
        result = told.get(planted.test)
        outcome = planted.outcome(result, report) if result else Outcome.MISSED
        remark = planted.lacks(result, report) if result else None
        if outcome is Outcome.UNSURE:
            remark = "the machine was too noisy to say"
        says = _says(result) + (f"; {remark}" if remark else "")
        outcomes.append(outcome)
        lines.append(f"{outcome.value:6}  {planted.test}: {planted.what}; {says}")
    return Outcome.MISSED not in outcomes, lines


def _says(result: TestResult | None) -> str:
    if result is None:
        return "it was not run"
    counters = "".join(f", {c.name} {c.base:,} {ARROW} {c.head:,}" for c in result.over_budget)
    return f"the report says {result.verdict.value}{counters}"
