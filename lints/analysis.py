"""Works out the findings of many files, in rounds until none learns anything new from another."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .engine import SourceResult, could_matter, lint_source, may_be_hot
from .outside import HotCall, Place
from .project import Project
from .rule import Rule

# A call may lead through this many files, and each takes one round.
_ROUNDS = 4
_LONGEST_CHAIN = 4
_TRAINS = re.compile(r"\.backward\(|def training_step|def compute_loss|manual_backward\(")

# What a file's functions are called with in every step, by name.
Called = Mapping[str, HotCall]


@dataclass(frozen=True, slots=True)
class Job:
    """A file to look at. Without `rules` only what it calls of others is asked for."""

    name: str
    text: str
    rules: tuple[type[Rule], ...] = ()


def takes_steps(text: str) -> bool:
    """Whether a text seems to run backward passes, as whoever trains does."""
    return bool(_TRAINS.search(text))


class Analysis:
    """Runs jobs until what files call of each other in every step is settled."""

    def __init__(self, project: Project, *, shortcuts: bool = True) -> None:
        self._project = project
        self._shortcuts = shortcuts
        self._called: dict[str, dict[str, HotCall]] = {}

    def run(
        self, jobs: Sequence[Job], done: Callable[[Job], None] = lambda job: None
    ) -> dict[str, SourceResult]:
        """Return the result of each job by its name; `done` hears of each file once."""
        results: dict[str, SourceResult] = {}
        heard: dict[str, Called] = {}
        # Those that call come before those that are called, so that few are looked at twice.
        waiting = sorted(jobs, key=_rank)
        for turn in range(_ROUNDS):
            for job in waiting:
                called = dict(self._called.get(job.name, {}))
                if job.name in heard and heard[job.name] == called:
                    continue
                heard[job.name] = called
                results[job.name] = self._judge(job, called)
                if not turn:
                    done(job)
        return results

    def _judge(self, job: Job, called: Called) -> SourceResult:
        if not could_matter(job.text):
            return SourceResult()
        result = lint_source(
            job.text,
            job.name,
            job.rules,
            outside=self._project.view(job.name, called),
            shortcuts=self._shortcuts,
        )
        for call in result.calls:
            self._hear(job.name, call)
        return result

    def _hear(self, caller: str, call: HotCall) -> None:
        """Tell the file that defines a function that it runs in every step."""
        if len(call.chain) > _LONGEST_CHAIN:
            return
        target = self._project.target(caller, call.target)
        if target is None or target[0] == caller:
            return
        file, name = target
        known = self._called.setdefault(file, {}).get(name)
        if known is None or _preference(call) < _preference(known):
            self._called[file][name] = call


def _rank(job: Job) -> tuple[int, str]:
    if takes_steps(job.text):
        return 0, job.name
    return 1 if may_be_hot(job.text) else 2, job.name


def _preference(call: HotCall) -> tuple[int, int, tuple[str, ...]]:
    """The nearest caller is named, and a training loop rather than a module's forward."""
    return list(Place).index(call.place), len(call.chain), call.chain

