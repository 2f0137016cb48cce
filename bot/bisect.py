"""`perflint bisect`: finds the commit that made a perf test slower, or count more."""

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .. import PerflintError
from ..runners.prepare import RunOptions
from ..runners.result import TestResult
from ..runners.sides.git import git, repository
from ..runners.text.progress import Progress
from ..runners.verdict.compare import Verdict
from .doubt import doubt
from .numbers import interval, percent, plural
from .past.backfill import commits_between
from .past.pair import measure_pair
from .past.search import Effect, Found, Target, search, target_of

ABOUT = """\
Find the commit that changed a perf test, by measuring as `perflint ci` does: first the whole range,
then about as many commits as its length has binary digits, each side by side with the first.
"""

EPILOG = """\
examples
  perflint bisect v1.2..main perf_tests/test_gpt.py::test_gpt_train
  perflint bisect HEAD~64..HEAD test_gpt_train

Commits are those of the main line (first parents). One that cannot be measured is passed over.

exit status: 0 the perf test is the same at both ends; 1 the commit was found; 2 perflint could not
do its work, or the ends give no verdict
"""


def main(words: list[str]) -> int:
    """Run the command and return its exit status."""
    asked = _parser().parse_args(words)
    here = repository(Path.cwd())
    commits = commits_between(here, asked.range, 1)
    with Progress(sys.stderr) as progress:
        work = _Work(here, commits, asked.test, progress)
        ends = work.result(0, len(commits) - 1, 0)
        if ends is None:
            raise PerflintError(f"the last commit of {asked.range} gives no result of {asked.test}")
        target = target_of(ends)
        total = target.effect(ends) if target else None
        if target is None or total is None:
            print(f"{asked.test}: {_ends(ends)} between {_between(commits)}: no commit to look for")
            return 0 if ends.verdict.value == "same" else 2
        print(f"{asked.test}: {_told(target, total)} between {_between(commits)}", flush=True)

        def measure(place: int, look: int) -> Effect | None:
            effect = target.effect(work.result(0, place, look))
            said = _told(target, effect) if effect else "could not be measured"
            print(f"  {commits[place][:10]} {said}", flush=True)
            return effect

        found = search(len(commits) - 1, total, measure)
        own = target.effect(work.result(found.before, found.at, 0))
    print(_verdict(here, commits, target, found, own))
    print(f"{plural(work.count, 'measurement')} of {plural(len(work.measured), 'commit')}")
    return 1


@dataclass(slots=True)
class _Work:
    """What was measured of a range."""

    here: Path
    commits: list[str]
    test: str
    progress: Progress
    count: int = 0
    measured: set[int] = field(default_factory=set)

    def result(self, base: int, head: int, look: int) -> TestResult | None:
        """Measure two commits against each other; None where the perf test has no result."""
        self.count += 1
        self.measured |= {base, head}
        name = self.test.rpartition("::")[2].partition("[")[0]
        options = RunOptions(keyword=name, everything=True, seed=look)
        base_sha, head_sha = self.commits[base], self.commits[head]
        self.progress.say(f"{base_sha[:10]}..{head_sha[:10]}")
        try:
            report = measure_pair(self.here, base_sha, head_sha, options, self.progress.say)
        except PerflintError as error:
            if (base, head) == (0, len(self.commits) - 1):
                raise
            self.progress.say(f"{head_sha[:10]} could not be measured: {error}")
            return None
        if report.run.interrupted:
            raise KeyboardInterrupt
        if report.run.refused:
            return None
        found = [one for one in report.run.tests if _is(one.test.id, self.test)]
        if len(found) > 1:
            names = " and ".join(one.test.id for one in found)
            raise PerflintError(f"{self.test} may be {names}: name one of them")
        return found[0] if found else None


def _is(node: str, name: str) -> bool:
    return node == name or node.rpartition("::")[2] == name


def _between(commits: list[str]) -> str:
    return f"{commits[0][:10]} and {commits[-1][:10]} ({plural(len(commits) - 1, 'commit')})"


def _ends(result: TestResult) -> str:
    """Say what the ends of a range show, and where they show too little, what would help."""
    why, at = f" ({result.reason})" if result.reason else "", result.comparison
    if result.verdict is Verdict.UNSURE and at is not None:
        seen = doubt(result, at, stopped=False)
        helps = "a quieter machine may help, or more `max_seconds` in the last commit's settings"
        why = f" (measured {percent(at.change)}, but {seen}; {helps})"
    return f"{result.verdict.value}{why}"


def _told(target: Target, effect: Effect) -> str:
    if target.counter:
        return f"{target.counter.replace('_', ' ')} {effect.change:+,.0f}"
    return f"{percent(effect.change)} {interval(effect.low, effect.high)}"


def _verdict(
    here: Path, commits: list[str], target: Target, found: Found, own: Effect | None
) -> str:
    sha = commits[found.at]
    subject = git(here, "log", "-1", "--format=%an, %cs: %s", sha).strip()
    lines = [f"{sha[:10]} {subject}"]
    if own is not None:
        lines.append(f"  against the commit before: {_told(target, own)}")
    if found.skipped:
        names = ", ".join(commits[one][:10] for one in found.skipped)
        lines.append(f"  or one of those that could not be measured: {names}")
    if found.doubtful:
        names = ", ".join(commits[one][:10] for one in found.doubtful)
        lines.append(f"  noise was close to the change at {names}: measure these again if in doubt")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="perflint bisect",
        description=ABOUT,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("range", metavar="GOOD..BAD", help="commits by first parents")
    parser.add_argument("test", metavar="PERF_TEST", help="its name or its whole node id")
    return parser
