"""`perflint demo`: makes a small training repository with planted changes and runs `ci` on it."""

import argparse
import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

from .. import PerflintError
from ..runners.compare import Verdict
from ..runners.result import TestResult

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

exit status: 0 the planted changes were found and the harmless one was not blamed, 1 they were not,
2 perflint could not do its work
"""


@dataclass(frozen=True, slots=True)
class Planted:
    """What the head commit does to one perf test; `over_budget` None leaves the counters open."""

    test: str
    what: str
    verdicts: frozenset[Verdict]
    over_budget: bool | None

    def is_told_by(self, result: TestResult) -> bool:
        """Whether the result says what was planted, and no more."""
        counted = self.over_budget in (None, bool(result.over_budget))
        return counted and result.verdict in self.verdicts


SLOWER = frozenset({Verdict.SLOWER})

# A busy machine may leave timing unsure of two equal speeds; "slower" and "faster" would be wrong.
NO_CHANGE = frozenset({Verdict.SAME, Verdict.UNSURE})

PLANTED = (
    Planted("test_gpt_train", "work was added", SLOWER, over_budget=None),
    Planted("test_convnet_train", "a host sync was added", NO_CHANGE, over_budget=True),
    Planted("test_loader_train", "only names and words changed", NO_CHANGE, over_budget=False),
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
    found, lines = compare_with_plan(report.run.tests)
    print("\n--- what the pull request is told: comment.md ---\n")
    print((out / "comment.md").read_text(encoding="utf-8"))
    print("--- what was planted, and whether it was found ---\n")
    print(*lines, sep="\n")
    print(f"\nrepository: {folder}\ncomment:    {out / 'comment.md'}")
    print(f"report:     {out / 'report.json'}")
    return 0 if found and status == 1 else 1


def compare_with_plan(results: Sequence[TestResult]) -> tuple[bool, list[str]]:
    """Say for each planted change whether the results tell it; True where all of them do."""
    told = {result.test.name: result for result in results}
    found, lines = True, []
    for planted in PLANTED:
        result = told.get(planted.test)
        right = result is not None and planted.is_told_by(result)
        found = found and right
        lines.append(
            f"{'found ' if right else 'MISSED'}  {planted.test}: {planted.what}; {_says(result)}"
        )
    return found, lines


def _says(result: TestResult | None) -> str:
    if result is None:
        return "it was not run"
    counters = "".join(f", {c.name} {c.base} -> {c.head}" for c in result.over_budget)
    return f"the report says {result.verdict.value}{counters}"
