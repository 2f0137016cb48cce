"""Gathers the values of each section of a comment: what is said, how much of it, in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..lints.finding import Finding
from ..runners.counters.counts import hidden_counters, told_counters
from ..runners.result import CounterChange, TestResult
from ..runners.text.failure import own_frames
from ..runners.text.words import SKIPPED_ON_BASE
from ..runners.verdict.compare import Verdict
from . import numbers
from .doubt import doubt
from .links import Links
from .markdown import block, code, prose
from .memory_rows import grown_peak, memory_view, where_cell
from .method import digits, method, reproduce
from .placed import Placed
from .profile_rows import profile_view, worth_showing
from .remarks import details_of, run_notes, why_open
from .report import Report
from .rows import (
    NAME_LIMIT,
    cost_of,
    counter_row,
    environment_rows,
    finding_item,
    is_plain_code,
    test_row,
)
from .story import State, Story, stopped_words, this
from .told import MOST_CAUSES, Teller

MOST_ROWS = 20

ICONS = {
    State.REFUSED: "⛔",
    State.FAILED: "❌",
    State.SLOWER: "🔴",
    State.COUNTER: "🔴",
    State.STOPPED: "⏹️",
    State.PROBLEMS: "⚠️",
    State.BROKEN: "⚠️",
    State.FINDINGS: "🟠",
    State.UNSURE: "🟡",
    State.FASTER: "🟢",
    State.INFOS: "🔵",
}

# The states whose headline is the first thing that there is to tell of a test.
LEADING = (State.SLOWER, State.COUNTER, State.FASTER)


@dataclass(frozen=True, slots=True)
class Cut:
    """How much of each section is shown. Headline, changed rows and footer are always there."""

    operators: bool = True
    unchanged: int = 100
    environment: bool = True
    findings: int = 10
    lines: bool = True
    counters: int = MOST_ROWS
    texts: int = 20
    failures: int = 3


class Page:
    """One attempt at the comment; it gathers values, the template has the words."""

    def __init__(self, report: Report, story: Story, names: Mapping[str, str], cut: Cut) -> None:
        self.report, self.story, self.labels, self.cut = report, story, names, cut
        self.links = Links.of(report)
        self.teller = Teller(self.labels, self.links, Placed(report.lint.findings))
        # A column that no row can fill only makes the table wider.
        self.has_peak = any(result.peak for result in report.run.tests)

    def values(self) -> dict[str, Any]:
        """What the template `comment.md.j2` asks for."""
        report, story = self.report, self.story
        return {
            "this": this(report),
            "stopped": self._stopped(),
            "icon": ICONS.get(story.state, "✅"),
            "state": story.state.value,
            "lead": self._lead(),
            "others": _more(len(story.about) - 1, "more perf test"),
            "causes": self.teller.causes(story.shown, leads=story.state in LEADING),
            "passes": report.exit_status == 0,
            "refused": None if report.run.refused is None else prose(report.run.refused),
            "problems": self._problems(),
            "broken": self._broken(),
            "notes": [prose(note) for note in run_notes(report.run)[: self.cut.texts]],
            "failures": self._failures(),
            "unsure": self._unsure(),
            "tests": self._tests(),
            "tally": self._tally(),
            "lint": self._lint(),
            "counted": self._counted(),
            "selection": self._selection(),
            "reproduce": reproduce(self.report, self.story.shown),
            "details": self._details(),
            "profiles": self._profiles(),
            "memory": self._memory(),
            "memories": self._memories(),
            "footer": self._footer(),
        }

    def _lead(self) -> dict[str, object] | None:
        lead = self.story.lead
        if lead is None:
            return None
        counter = self.story.state is State.COUNTER
        return self.teller.counter(lead) if counter else self.teller.timing(lead)

    def _stopped(self) -> dict[str, object]:
        story, run = self.story, self.report.run
        shown = story.unmeasured[: self.cut.texts] if run.interrupted else ()
        return {
            "ended": run.interrupted,
            "words": stopped_words(story),
            "unmeasured": [code(name, NAME_LIMIT) for name in shown],
            "more": _more(len(story.unmeasured) - len(shown), "more") if shown else None,
        }

    def _problems(self) -> list[str]:
        return [prose(problem) for problem in self.report.lint.problems[: self.cut.texts]]

    def _broken(self) -> list[dict[str, str | None]]:
        return [
            {"test": self._name(result), "why": code(failure.summary, 200) if failure else None}
            for result in self.story.broken[: self.cut.failures]
            for failure in [result.base_failure or result.head_failure]
        ]

    def _failures(self) -> list[dict[str, object]]:
        failed = [r for r in self.story.shown if r.verdict is Verdict.FAILED and r.head_failure]
        return [
            {
                "test": self._name(result),
                "otherwise": _unlike_base(result),
                "hangs": failure.timed_out,
                "summary": code(failure.summary, 200),
                "details": block(own_frames(failure.details)) if failure.details.strip() else None,
                "base": self.links.commit(self.report.base),
                "head": self.links.commit(self.report.head),
            }
            for result in failed[: self.cut.failures]
            if (failure := result.head_failure) is not None
        ]

    def _unsure(self) -> list[dict[str, object]]:
        unsure = [result for result in self.story.shown if result.verdict is Verdict.UNSURE]
        return [
            self.teller.timing(result)
            | {
                "measured": (at := result.comparison) is not None,
                "doubt": doubt(result, at, stopped=self.report.run.interrupted) if at else None,
                "why": [prose(text) for text in why_open(result)],
            }
            for result in unsure[:3]
        ]

    def _tests(self) -> dict[str, object]:
        shown = self.story.shown
        return {
            "rows": [self._row(result) for result in shown[:MOST_ROWS]],
            "more": _more(len(shown) - MOST_ROWS, "more perf test"),
            "peak": self.has_peak,
        }

    def _row(self, result: TestResult) -> list[str]:
        return test_row(result, self.labels[result.test.id], peak=self.has_peak)

    def _tally(self) -> dict[str, object]:
        story, selection = self.story, self.report.run.selection
        timed = [result.comparison for result in self.report.run.tests if result.comparison]
        caught = max((at.detectable for at in timed), default=None)
        return {
            "shown": len(story.shown),
            "quiet": len(story.quiet),
            "identical": len(story.identical),
            "skipped": len(story.skipped),
            "new": sum(result.verdict is Verdict.NEW for result in story.shown),
            "found": selection.found,
            "affected": selection.affected,
            "changed": len(story.shown),
            "ran": len(self.report.run.tests),
            "not_affected": max(0, selection.found - selection.affected),
            "detectable": None if caught is None else numbers.detectable(caught),
        }

    def _lint(self) -> dict[str, object]:
        lint = self.report.lint
        findings = sorted(lint.findings, key=self._finding_order)
        shown = findings[: self.cut.findings]
        tests = self.report.run.tests
        return {
            "count": len(findings),
            "listed": [
                finding_item(finding, self.links, cost_of(finding, tests, self.labels))
                for finding in shown
            ],
            "more": _more(len(findings) - len(shown), "more finding"),
            "everything": lint.everything,
            "code": shown[0].code if shown and is_plain_code(shown[0]) else None,
            "fixable": sum(f.fix is not None and f.fix.safe for f in findings),
        }

    def _finding_order(self, finding: Finding) -> tuple[int, str, int]:
        severities = ["error", "warning", "info"]
        return severities.index(finding.severity.value), finding.path, finding.span.line

    def _counted(self) -> dict[str, object]:
        rows = [
            (result, counter)
            for result in self.report.run.tests
            for counter in told_counters(result, self.report.run.budgets)
        ]
        over = [row for row in rows if row[1].over_budget]
        return {
            "over": self._counts(over),
            "others": self._counts([row for row in rows if not row[1].over_budget]),
            "hidden": self._hidden_counts(),
        }

    def _counts(self, counts: Sequence[tuple[TestResult, CounterChange]]) -> dict[str, object]:
        shown = [
            self._counter_row(result, counter) for result, counter in counts[: self.cut.counters]
        ]
        places = any(row[3] for row in shown)
        return {
            "rows": shown if places else [row[:3] for row in shown],
            "places": places,
            "more": _more(len(counts) - len(shown), "more count"),
        }

    def _counter_row(self, result: TestResult, counter: CounterChange) -> list[str]:
        *row, where = counter_row(result, self.labels[result.test.id], counter, self.links)
        return [*row, where or where_cell(result, counter, self.links)]

    def _hidden_counts(self) -> str | None:
        run = self.report.run
        hidden = sum(hidden_counters(result, run.budgets) for result in run.tests)
        return numbers.plural(hidden, "count") if hidden else None

    def _selection(self) -> dict[str, object] | None:
        files = self.report.run.selection.files
        if self.story.state is not State.NOT_AFFECTED and not self.report.run.selection.found:
            return None
        shown = files[: min(self.cut.unchanged, 30)]
        return {
            "count": len(files),
            "more": _more(len(files) - len(shown), "more file"),
            "rows": [
                (code(file.path, in_table=True), prose(file.used_by, 120, in_table=True))
                for file in shown
            ],
        }

    def _details(self) -> dict[str, object]:
        run, cut = self.report.run, self.cut
        quiet = [*self.story.quiet, *self.story.identical, *self.story.skipped]
        timed = [result for result in run.tests if result.comparison]
        return {
            "rows": [self._row(result) for result in quiet[: cut.unchanged]],
            "count": len(quiet),
            "more": _more(len(quiet) - cut.unchanged, "more perf test"),
            "peak": self.has_peak,
            "method": method(timed, run.seed),
            "remarks": self._remarks()[: cut.texts],
            "reasons": [prose(reason) for reason in self.report.status_reasons[: cut.texts]],
            "status": digits(self.report.exit_status),
            "environment": environment_rows(run.environment, run.dependencies)
            if run.environment and cut.environment
            else [],
        }

    def _remarks(self) -> list[str]:
        """What else is known of the run and of single tests."""
        remarks = []
        for result in (*self.story.shown, *self.story.quiet, *self.story.skipped):
            texts = details_of(result, self.report.run)
            remarks += [f"{self._name(result)}: {prose(text)}" for text in texts]
            if len(remarks) >= self.cut.texts:
                break
        return remarks

    def _profiles(self) -> list[dict[str, object]]:
        if not self.cut.lines:
            return []
        views = [
            profile_view(result, self.labels[result.test.id], self.links)
            for result in self.story.shown[:3]
            # Beside "same" the differences of a short profile would only be noise.
            if result.verdict is not Verdict.SAME
            and ((rows := worth_showing(result)).operators or rows.lines or rows.parts)
        ]
        return views if self.cut.operators else [view | {"operators": []} for view in views]

    def _memory(self) -> list[dict[str, object]]:
        """The tests whose peak grew, and what holds it."""
        told = [(result, grown_peak(result, self.links)) for result in self.story.shown]
        return [one | {"test": self._name(result)} for result, one in told if one][:MOST_CAUSES]

    def _memories(self) -> list[dict[str, object]]:
        if not self.cut.lines:
            return []
        shown = [result for result in self.story.shown if result.memory is not None][:3]
        views = [memory_view(one, self.labels[one.test.id], self.links) for one in shown]
        return [view for view in views if view is not None]

    def _footer(self) -> dict[str, str | None]:
        report = self.report
        return {
            "run": self.links.run_page(),
            "head": self.links.commit(report.head),
            "base": self.links.commit(report.base),
            "when": numbers.moment(report.created) or code(report.created, 40),
            "took": numbers.duration(report.seconds),
            "version": code(report.perflint, 20),
        }

    def _name(self, result: TestResult) -> str:
        return code(self.labels[result.test.id])


def _more(count: int, noun: str) -> str | None:
    return numbers.plural(count, noun) if count > 0 else None


def _unlike_base(result: TestResult) -> str | None:
    """What there is to say where a test that fails on head does not pass on base."""
    if result.base_failure is not None:
        return "This change adds the perf test, and it fails"
    return f"I{SKIPPED_ON_BASE[1:]}" if SKIPPED_ON_BASE in result.reason else None
