"""Prepares the sentences of the headline and of the likely causes, as values for the templates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..lints.finding import Finding
from ..runners.counters.counts import amounts, words
from ..runners.counters.reasons import kind as reason_kind
from ..runners.profiling.profile import LineChange
from ..runners.result import CounterChange, TestResult
from ..runners.verdict.compare import Verdict
from . import numbers
from .cause import (
    CallsCause,
    Cause,
    CompileCause,
    LineCause,
    OperatorCause,
    PartCause,
    SyncCause,
    Unexplained,
    cause_of_count,
    cause_of_time,
)
from .links import Links
from .markdown import code, prose
from .memory_cause import LineHolds, ModuleKeeps, ModuleSaves
from .memory_rows import memory_cause
from .placed import Placed
from .profile_rows import part_name
from .rows import NAME_LIMIT, REASON_LIMIT, SOURCE_LIMIT, rule_code

# So many likely causes stand at the top; the tables hold the rest.
MOST_CAUSES = 3
MOST_TESTS = 20


@dataclass(frozen=True, slots=True)
class Teller:
    """Turns tests into sentences' values: knows names, links and the findings to join with."""

    labels: Mapping[str, str]
    links: Links
    findings: Placed

    def causes(self, tests: tuple[TestResult, ...], *, leads: bool) -> list[dict[str, object]]:
        """What happened to each of the worst tests, and the likely cause where one is known.

        `leads` says that the first of them is what the headline is about; without a cause it would
        only say the same again.
        """
        told = [one for result in tests[:MOST_TESTS] for one in self._of(result)][:MOST_CAUSES]
        causes = _each_once(one["cause"] for one in told)
        return [
            one | {"cause": cause, "leads": leads and number == 0}
            for number, (one, cause) in enumerate(zip(told, causes, strict=True))
            if cause or number or not leads
        ]

    def cause(self, result: TestResult) -> dict[str, object] | None:
        """The worst thing that happened to this test and has a likely cause."""
        return next((one for one in self._of(result) if one["cause"]), None)

    def counter(self, result: TestResult) -> dict[str, object]:
        """The first count of this test that is over its budget."""
        return self._counted(result, result.over_budget[0])

    def _of(self, result: TestResult) -> list[dict[str, object]]:
        counted = [
            self._counted(result, counter)
            | {"cause": self._cause(cause_of_count(result, counter, self.findings))}
            for counter in result.over_budget[:MOST_CAUSES]
        ]
        if result.verdict not in (Verdict.SLOWER, Verdict.FASTER):
            return counted
        cause = self._cause(cause_of_time(result, self.findings))
        timed = self.timing(result) | {"cause": cause}
        # In the order of what is worse.
        return [timed, *counted] if result.verdict is Verdict.SLOWER else [*counted, timed]

    def timing(self, result: TestResult) -> dict[str, object]:
        """What its time says of this test, or how it fails."""
        at = result.comparison
        change = at.change if at else 0.0
        return {
            "test": code(self.labels[result.test.id], NAME_LIMIT),
            "kind": result.verdict.value,
            "by": numbers.size(change),
            "change": numbers.percent(change),
            "interval": numbers.interval(at.low, at.high) if at else "",
            "hangs": result.head_failure is not None and result.head_failure.timed_out,
        }

    def _counted(self, result: TestResult, counter: CounterChange) -> dict[str, object]:
        more = counter.head - counter.base
        return {
            "test": code(self.labels[result.test.id], NAME_LIMIT),
            "kind": "counter",
            "counter": words(counter),
            "name": prose(words(counter), 40),
            "times": numbers.more_often(more),
            "more": f"{more:,}",
            "per": counter.per,
            "amounts": amounts(counter),
        }

    def _cause(self, cause: Cause | None) -> dict[str, object] | None:
        match cause:
            case LineCause():
                return self._line(cause)
            case OperatorCause():
                return {"kind": "operator", "operator": _operator(cause), **self._at(cause.line)}
            case PartCause(part):
                return {
                    "kind": "part",
                    "part": part_name(part),
                    "base_ms": numbers.milliseconds(part.base_ms),
                    "head_ms": numbers.milliseconds(part.head_ms),
                }
            case Unexplained(gained):
                return {"kind": "unexplained", "gained": numbers.milliseconds(abs(gained))}
            case SyncCause():
                return {
                    "kind": "sync",
                    "place": self.links.place(cause.path, cause.line),
                    "operator": code(cause.operator, NAME_LIMIT),
                    "finding": _finding(cause.finding),
                }
            case CompileCause(reason, others):
                return {
                    "kind": "compile",
                    "what": reason_kind(reason),
                    "place": self.links.place(reason.path, reason.line) if reason.path else None,
                    "words": prose(reason.words, REASON_LIMIT),
                    "others": numbers.plural(others, "more reason") if others else None,
                }
            case LineHolds() | ModuleKeeps() | ModuleSaves():
                return memory_cause(cause, self.links)
            case CallsCause():
                return {"kind": "calls", "operator": _operator(cause), **self._at(cause.line)}
        return None

    def _at(self, line: LineChange | None) -> dict[str, object]:
        if line is None:
            return {"place": None, "source": None, "edited": False}
        return {
            "place": self.links.place(line.path, line.line),
            "source": code(line.source, SOURCE_LIMIT) if line.source.strip() else None,
            "edited": line.touched,
        }

    def _line(self, cause: LineCause) -> dict[str, object]:
        return {
            "kind": "line",
            "place": self.links.place(cause.line.path, cause.line.line),
            "source": code(cause.line.source, SOURCE_LIMIT) if cause.line.source.strip() else None,
            "finding": _finding(cause.finding),
            "others": numbers.plural(cause.others, "more changed line") if cause.others else None,
            "base_ms": numbers.milliseconds(cause.base_ms) if cause.base_ms else None,
            "head_ms": numbers.milliseconds(cause.head_ms),
            "saved_ms": numbers.milliseconds(cause.saved_ms) if cause.saved_ms else None,
            "gained": numbers.milliseconds(cause.gained),
            "exceeds": cause.exceeds,
            "with_calls": cause.with_calls,
            "operator": _operator(cause),
        }


def _each_once(causes: Iterable[object]) -> list[dict[str, object] | None]:
    """Say only at its first place what a line is: the finding on it, or its source."""
    known: set[object] = set()
    said: list[dict[str, object] | None] = []
    for cause in causes:
        if not isinstance(cause, dict):
            said.append(None)
            continue
        line = cause.get("place"), cause.get("finding") or cause.get("source")
        if line in known and cause["kind"] == "sync":
            cause = {"kind": "known", "place": cause["place"]}
        elif line in known and cause["kind"] == "line":
            cause = cause | {"finding": None, "source": None}
        said.append(cause)
        known |= {line} if all(line) else set()
    return said


def _finding(finding: Finding | None) -> str | None:
    return None if finding is None else f"{prose(finding.message)} ({rule_code(finding)})"


def _operator(cause: LineCause | OperatorCause | CallsCause) -> dict[str, object] | None:
    operator = cause.operator
    if operator is None:
        return None
    return {
        "name": code(operator.name, NAME_LIMIT),
        "base_ms": numbers.milliseconds(operator.base_ms),
        "head_ms": numbers.milliseconds(operator.head_ms),
        "base_calls": numbers.calls(operator.base_calls),
        "head_calls": numbers.calls(operator.head_calls),
    }
