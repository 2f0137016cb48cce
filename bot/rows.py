"""Prepares what the comment's tables and lists show: values in, inert Markdown strings out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..lints.finding import Finding, Severity
from ..runners.counters.counts import amounts, short_words
from ..runners.result import CounterChange, DependencyChange, PeakMemory, TestResult
from ..runners.sample import Environment, Reason
from ..runners.verdict.compare import Verdict
from . import numbers
from .links import Links
from .markdown import cell, code, prose

ICONS = {
    Verdict.FAILED: "❌",
    Verdict.SLOWER: "🔴",
    Verdict.FASTER: "🟢",
    Verdict.UNSURE: "🟡",
    Verdict.NEW: "🆕",
    Verdict.BROKEN: "⚠️",
    Verdict.SAME: "⚪",
    Verdict.SKIPPED: "⚪",
}
SEVERITY_ICONS = {Severity.ERROR: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}
MOST_SITES = 2
MOST_DEPENDENCIES = 20
NAME_LIMIT = 48
REASON_LIMIT = 120
_PLAIN_WORDS = re.compile(r"[A-Za-z]{1,20}(?: [A-Za-z]{1,20}){0,3}")
SOURCE_LIMIT = 60
# What a run has seen of a finding's place, behind its reasons: see `lints/confirm.py`.
_RUN_SAYS = re.compile(
    r"(?:^|; )(confirmed, (?:[0-9.]{1,9} (?:per step|in [0-9]{1,6} of [0-9]{1,6} steps)"
    r"|outside of steady steps)|seen at run time|runs, and does not wait|not reached)$",
    re.ASCII,
)
# Less than this share of a step is within what a profile errs by.
_WORTH_TELLING = 0.005


@dataclass(frozen=True, slots=True)
class Cost:
    """What lines cost in one perf test: milliseconds, and their share of its step."""

    milliseconds: float
    share: float
    test: str


def test_row(result: TestResult, label: str, *, peak: bool) -> list[str]:
    """One row of the table of perf tests; `peak` says whether the table has that column.

    The change comes before the name, which may be long: a phone cuts off what is behind it.
    """
    row = [ICONS[result.verdict], change_cell(result), code(label, NAME_LIMIT, in_table=True)]
    row += _rates(result)
    return [*row, _peak(result.peak)] if peak else row


def change_cell(result: TestResult) -> str:
    """The change of throughput with its interval, or in a word why there is none."""
    word = change_word(result)
    if word is not None:
        return cell(f"**{word}**" if result.verdict is Verdict.FAILED else word)
    assert result.comparison is not None
    at = result.comparison
    change = numbers.percent(at.change)
    bold = result.verdict in (Verdict.SLOWER, Verdict.FASTER)
    # The one space where a phone may break the cell: else it would cut off the number.
    return f"{f'**{change}**' if bold else change} {cell(numbers.interval(at.low, at.high))}"


def change_word(result: TestResult) -> str | None:
    """What stands where the change would, None where there is a number."""
    match result.verdict:
        case Verdict.FAILED:
            return "hangs" if _hangs(result) else "fails"
        case Verdict.NEW:
            return "new"
        case Verdict.BROKEN:
            return "fails on base too"
        case Verdict.SKIPPED:
            return "skipped"
    return "not timed" if result.comparison is None else None


def counter_row(result: TestResult, label: str, counter: CounterChange, links: Links) -> list[str]:
    """One exact count that differs, and where head does it."""
    places = [
        links.place(site.path, site.line, limit=NAME_LIMIT, in_table=True)
        for site in counter.sites[:MOST_SITES]
    ]
    more = len(counter.sites) - len(places)
    if counter.new_reasons:
        places, more = [_reason(counter.new_reasons[0], links)], len(counter.new_reasons) - 1
    where = cell(", ").join(places) + (cell(f" and {more} more") if more else "")
    counted = cell(f"**{amounts(counter)}**") + f" {_counter_name(counter)}"
    if counter.steps > 1:
        counted += cell(f" {counter.per}")
    icon = "🔴" if counter.over_budget else "⚪"
    return [icon, counted, code(label, NAME_LIMIT, in_table=True), where]


def _reason(reason: Reason, links: Links) -> str:
    """Where `torch.compile` gives up what it compiled, and why."""
    words = prose(reason.words, REASON_LIMIT, in_table=True)
    if not reason.path:
        return words
    place = links.place(reason.path, reason.line, limit=NAME_LIMIT, in_table=True)
    return f"{place}: {words}"


def finding_item(finding: Finding, links: Links, cost: Cost | None = None) -> str:
    """One lint finding on one line of a list, with what its lines cost where that was measured."""
    parts = [
        f"{SEVERITY_ICONS[finding.severity]} {links.place(finding.path, finding.file_lines[0])}",
        f"{rule_code(finding)} {prose(finding.message)}",
    ]
    if found := _RUN_SAYS.search(finding.why or ""):
        parts.append(found[1])
    # The icon says it too, but not to everybody.
    if finding.severity is not Severity.WARNING:
        parts.append(finding.severity.value)
    if cost is not None and cost.share >= _WORTH_TELLING:
        share, spent = min(cost.share, 9.99), numbers.milliseconds(cost.milliseconds)
        parts.append(f"costs {spent} ms, {share:.0%} of a step of {code(cost.test, NAME_LIMIT)}")
    return " · ".join(parts)


def rule_code(finding: Finding) -> str:
    """`PFL101` in bold; anything else that calls itself a code is shown as code."""
    return f"**{finding.code}**" if is_plain_code(finding) else code(finding.code, 20)


def is_plain_code(finding: Finding) -> bool:
    """Whether the code is letters and digits only, as those of all rules are."""
    return finding.code.isascii() and finding.code.isalnum() and len(finding.code) <= 12


def cost_of(finding: Finding, tests: Sequence[TestResult], names: Mapping[str, str]) -> Cost | None:
    """What the lines of a finding cost in the test in which they weigh most; None: not measured."""
    first, last = finding.file_lines
    best: Cost | None = None
    for result in tests:
        profile = result.profile
        if profile is None or profile.head_ms <= 0:
            continue
        spent = [
            line.milliseconds
            for line in profile.costs
            if line.path == finding.path and first <= line.line <= last
        ]
        share = sum(spent) / profile.head_ms
        if spent and (best is None or share > best.share):
            best = Cost(sum(spent), share, names[result.test.id])
    return best


def environment_rows(
    at: Environment, dependencies: Sequence[DependencyChange]
) -> list[tuple[str, str]]:
    """Where the numbers come from; `dependencies` are what base had otherwise."""
    threads = numbers.plural(at.threads, "thread")
    gpu = [
        code(part, in_table=True) for part in (at.gpu, at.driver and f"driver {at.driver}") if part
    ]
    rows = [
        ("GPU", " · ".join(gpu)),
        ("CPU", f"{code(at.cpu, in_table=True)} · {numbers.plural(at.cores, 'core')}, {threads}"),
        (
            "Software",
            f"torch {code(at.torch, in_table=True)} · Python {code(at.python, in_table=True)}",
        ),
        ("Dependencies", "; ".join(_dependency(one) for one in dependencies[:MOST_DEPENDENCIES])),
        ("System", code(at.platform, in_table=True)),
        ("Runner", code(at.host, in_table=True) if at.host else ""),
    ]
    return [(name, value) for name, value in rows if value]


def _dependency(change: DependencyChange) -> str:
    base, head = (
        code(version, 40, in_table=True) if version else "not there"
        for version in (change.base, change.head)
    )
    return f"{code(change.name, 40, in_table=True)} {base} on base, {head} on head"


def _hangs(result: TestResult) -> bool:
    return result.head_failure is not None and result.head_failure.timed_out


def _rates(result: TestResult) -> list[str]:
    if result.comparison is None or change_word(result) is not None:
        return [numbers.NONE, numbers.NONE]
    at, items = result.comparison, result.test.items
    base, head = (
        numbers.rate(items / seconds) if seconds > 0 else numbers.NONE
        for seconds in (at.base_seconds, at.head_seconds)
    )
    return [base, cell(f"{head} ") + _unit(result.test.unit)]


def _unit(unit: str) -> str:
    plain = unit.isascii() and unit.isalpha() and len(unit) <= 16
    return f"{unit}/s" if plain else code(f"{unit}/s", 20, in_table=True)


def _counter_name(counter: CounterChange) -> str:
    plain = _PLAIN_WORDS.fullmatch(short_words(counter))
    return cell(short_words(counter)) if plain else code(counter.name, 40, in_table=True)


def _peak(peak: PeakMemory | None) -> str:
    if peak is None:
        return numbers.NONE
    size, difference = numbers.peak_bytes(peak.base, peak.head)
    return cell(f"{size} **({difference})**" if difference else size)
