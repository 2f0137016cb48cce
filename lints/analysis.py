"""Works out the findings of many files, in rounds until none learns anything new from another."""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from .engine import examine
from .files import UnreadableError
from .finding import Finding
from .only import ANY, HEIRS
from .outside import HotCall, Place
from .plain import call_of, finding_of, plain_call, plain_finding
from .project import Project
from .result import Silenced, SourceResult
from .rule import Rule
from .suppress import Vocabulary, heard, judge_comments, silenced
from .survey import Surveyed
from .terms import USUAL, Terms
from .values import UNKNOWN, Value, join

# What a change means to others is settled after as many rounds as a chain of calls has files.
_ROUNDS = 6
# How many calls, and how many files, lead from a step to a call of another file.
_MOST_CALLS = 8
_MOST_FILES = 3
# How many characters are looked at between two clean-ups of what the files left behind, which is
# next to nothing: they are taken apart once they are judged.
_CLEANED_AFTER = 20_000_000

# Which functions of a file others call in every step, by their names in that file.
Called = Mapping[str, HotCall]


@dataclass(frozen=True, slots=True)
class Job:
    """A file to look at. Without `rules` only what it calls of others is asked for."""

    file: Surveyed
    rules: tuple[type[Rule], ...] = ()
    terms: Terms = USUAL


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found in a file, given what others call of it.

    `calls` are its hot calls of other files: which file, what it is called there, and how.
    `consulted` are the files that had a say in it.
    """

    called: Called
    result: SourceResult = field(default_factory=SourceResult)
    calls: tuple[tuple[str, str, HotCall], ...] = ()
    consulted: frozenset[str] = frozenset()


class Analyst:
    """Judges one file after the other, with what the project says of its neighbours."""

    def __init__(self, project: Project, vocabulary: Vocabulary, *, shortcuts: bool = True) -> None:
        self._project = project
        self._vocabulary = vocabulary
        self._shortcuts = shortcuts
        self._judged = 0  # characters since the last clean-up

    def judge(self, job: Job, called: Called) -> Outcome:
        """Return what is found in a file; what keeps it from being read is a problem."""
        name = job.file.name
        self._project.consulted()
        try:
            source = job.file.source()
        except UnreadableError as error:
            return Outcome(called, SourceResult(problems=(f"{name} {error}",)))
        text = source.text
        view = self._project.view(name, called)
        result = examine(
            text, name, job.rules, outside=view, shortcuts=self._shortcuts, terms=job.terms
        )
        calls = tuple(self._placed(name, result.calls))
        findings: Sequence[Finding] = result.findings
        problems = result.problems
        hidden: tuple[Silenced, ...] = ()
        if job.rules:
            ran = heard(job.rules, result)
            kept, meta = judge_comments(result.findings, text, name, ran, self._vocabulary)
            findings = sorted([*kept, *meta], key=lambda finding: (finding.span, finding.code))
            hidden = silenced(result.findings, kept, text)
        if source.notebook is not None:
            findings = list(source.notebook.located(findings))
            hidden = source.notebook.silenced(hidden)
            problems = (*(f"{name}: {p}" for p in source.notebook.problems), *problems)
        self._clean_up(job.file, len(text))
        consulted = self._project.consulted() - {name}
        return Outcome(called, SourceResult(tuple(findings), problems, hidden), calls, consulted)

    def _placed(self, caller: str, calls: Sequence[HotCall]) -> Iterable[tuple[str, str, HotCall]]:
        for call in calls:
            if _is_near(call):
                for file, name in self._targets(caller, call.target):
                    if file != caller:
                        yield file, name, call

    def _targets(self, caller: str, name: str) -> list[tuple[str, str]]:
        """Return the functions of the project that a call may run: file, and name in it."""
        if name.startswith(HEIRS):
            home, _, method = name.removeprefix(HEIRS).rpartition(".")
            return self._project.overriding((caller, home), method)
        if name.startswith(ANY):
            return self._project.methods_named(name.removeprefix(ANY))
        target = self._project.target(caller, name)
        return [] if target is None else [target]

    def _clean_up(self, file: Surveyed, size: int) -> None:
        file.forget()
        self._project.let_go()
        self._judged += size
        if self._judged > _CLEANED_AFTER:
            self._judged = 0
            gc.collect()


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Leave what is garbage to the clean-ups between files: looking for it all the time is slow."""
    enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


def _is_near(call: HotCall) -> bool:
    """Whether few enough calls and files lead from a step to this call."""
    files = {place.rpartition(":")[0] for place in call.chain}
    return len(call.chain) <= _MOST_CALLS and len(files) <= _MOST_FILES


Due = tuple[Job, Called]
Judge = Callable[[Sequence[Due]], Iterable[Outcome]]


def settle(jobs: Sequence[Job], known: Mapping[str, Outcome], judge: Judge) -> dict[str, Outcome]:
    """Judge each file under all that the others call of it, beginning with the `known` outcomes.

    `judge` gives outcomes in the order of what it is given.
    """
    outcomes = dict(known)
    # Those that call come before those that are called, so that few are judged twice.
    ranks = [
        [job for job in jobs if job.file.trains],
        [job for job in jobs if job.file.hot and not job.file.trains],
        [job for job in jobs if not job.file.hot],
    ]
    for _ in range(_ROUNDS):
        called = all_called(outcomes.values())
        again = False
        for rank in ranks:
            due = [
                (job, called.get(job.file.name, {}))
                for job in rank
                if job.file.name not in outcomes
                or outcomes[job.file.name].called != called.get(job.file.name, {})
            ]
            for (job, _), outcome in zip(due, judge(due), strict=True):
                outcomes[job.file.name] = outcome
            if due:
                again = True
                called = all_called(outcomes.values())
        if not again:
            break
    return outcomes


def all_called(outcomes: Iterable[Outcome]) -> dict[str, dict[str, HotCall]]:
    """Return by file and name what runs in every step because another file calls it."""
    every: dict[str, dict[str, list[HotCall]]] = {}
    for outcome in outcomes:
        for file, name, call in outcome.calls:
            every.setdefault(file, {}).setdefault(name, []).append(call)
    return {
        file: {name: _merged(calls) for name, calls in by_name.items()}
        for file, by_name in every.items()
    }


def _merged(calls: list[HotCall]) -> HotCall:
    """Return the call that is named, with what any of the calls is known to pass."""
    first = min(calls, key=_preference)
    if len(calls) == 1:
        return first
    hot = [call for call in calls if call.place is not Place.HANDED]
    given: dict[str | int, list[Value]] = {}
    for call in sorted(calls, key=_preference):
        for key, value in call.passed:
            given.setdefault(key, []).append(value)
    known = {key: [v for v in values if v != UNKNOWN] for key, values in given.items()}
    passed = tuple((key, join(values or [UNKNOWN])) for key, values in known.items())
    seldom = tuple(key for key in given if all(_seldom(call, key) for call in hot))
    there = tuple(key for key in given if all(key in call.given for call in hot))
    missing = tuple(key for key in given if all(_missing(call, key) for call in hot))
    return replace(first, passed=passed, seldom=seldom, given=there, missing=missing)


def _seldom(call: HotCall, key: str | int) -> bool:
    """Whether a call passes what is true in few steps only, or leaves it to the default."""
    return key in call.seldom or all(name != key for name, _ in call.passed)


def _missing(call: HotCall, key: str | int) -> bool:
    """Whether a call passes None, or leaves it to the default."""
    return key in call.missing or all(name != key for name, _ in call.passed)


def _preference(call: HotCall) -> tuple[int, int, tuple[str, ...]]:
    """The nearest caller is named, and a training loop rather than a module's forward."""
    return list(Place).index(call.place), len(call.chain), call.chain


def plain_outcome(outcome: Outcome) -> tuple[object, ...]:
    """Return an outcome as plain tuples."""
    return (
        tuple((name, plain_call(call)) for name, call in sorted(outcome.called.items())),
        tuple(plain_finding(finding) for finding in outcome.result.findings),
        outcome.result.problems,
        tuple((plain_finding(each.finding), each.reason) for each in outcome.result.silenced),
        tuple((file, name, plain_call(call)) for file, name, call in outcome.calls),
        tuple(sorted(outcome.consulted)),
    )


def outcome_of(plain: tuple[Any, ...]) -> Outcome:
    """Return the outcome behind plain tuples."""
    called, findings, problems, hidden, calls, consulted = plain
    return Outcome(
        {name: call_of(call) for name, call in called},
        SourceResult(
            tuple(map(finding_of, findings)),
            problems,
            tuple(Silenced(finding_of(finding), reason) for finding, reason in hidden),
        ),
        tuple((file, name, call_of(call)) for file, name, call in calls),
        frozenset(consulted),
    )
