"""A page on one run, from its report: verdicts, counts, where the time goes, the machine. Pure."""

from collections.abc import Iterator

from ....runners.result import TestResult
from ....runners.text.labels import labels
from ....runners.text.numbers import size
from ...numbers import (
    NONE,
    byte_change,
    duration,
    interval,
    moment,
    percent,
    plural,
    rate,
)
from ...report import Report, Revision
from .html import Html, block, element, table, web_link
from .profile_page import profile

_MOST_TESTS, _MOST_FINDINGS = 2000, 200
_SIGNS = {"slower": "▼", "faster": "▲", "failed": "✕", "broken": "✕", "same": "=", "unsure": "?"}

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'self'; \
script-src 'self'; img-src data:; base-uri 'none'; form-action 'none'">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="../../style.css">
<script src="../../theme.js"></script>
"""


def run_page(report: Report, home: str, link: str) -> str:
    """Write the page; `home` is the repository's on its server and `link` the CI run's, or ""."""
    title = f"{report.base.short} → {report.head.short}"
    body = [
        element("h1", "Run ", element("span", title, class_="code")),
        element("p", *_facts(report, home, link), class_="facts"),
        *(element("p", note, class_="note") for note in report.run.notes),
        element("h2", "Perf tests"),
        *_verdicts(report),
        *_counts(report),
        *_causes(report),
        *_findings(report),
        element("h2", "Machine"),
        _machine(report),
    ]
    top = element(
        "header",
        element("a", "perflint history", href="../../index.html", class_="brand"),
        element("button", "Dark", id="theme", type="button", hidden=""),
    )
    return (
        f"{_HEAD}{element('title', f'perflint: {title}')}\n</head>\n<body>\n{top}\n"
        f'<main class="page">\n{chr(10).join(part for part in body if part)}\n</main>\n'
        "</body>\n</html>\n"
    )


def _facts(report: Report, home: str, link: str) -> Iterator[str]:
    yield from ("measured ", moment(report.created) or report.created, ": ")
    yield from ("base ", _commit(report.base, home), ", head ", _commit(report.head, home))
    yield f", {duration(report.seconds)}, perflint {report.perflint}, exit status {report.status}"
    for reason in report.status_reasons:
        yield f"; {reason}"
    if report.run.refused:
        yield f"; refused: {report.run.refused}"
    yield ". "
    if link:
        yield from (web_link(link, "The CI run"), ", ")
    yield element("a", "report.json", href="report.json")


def _commit(revision: Revision, home: str) -> Html:
    shown = element("code", revision.short)
    if not home or revision.snapshot:
        return shown
    return web_link(f"{home}/commit/{revision.sha}", shown)


def _verdicts(report: Report) -> Iterator[Html]:
    tests, names = report.run.tests, labels(report.run.tests)
    if not tests:
        yield element("p", "No perf test was run.")
        return
    heads = ("Perf test", "Verdict", "#Change [95 % CI]", "#Base → head", "#Peak memory")
    rows = [_verdict_row(result, names[result.test.id]) for result in tests[:_MOST_TESTS]]
    yield table(plural(len(tests), "perf test"), heads, rows)


def _verdict_row(result: TestResult, name: str) -> tuple[str, ...]:
    change = speeds = peak = NONE
    at, word = result.comparison, result.verdict.value
    if at is not None:
        change = f"{percent(at.change)} {interval(at.low, at.high)}"
        ends = [
            rate(result.test.items / seconds) if seconds > 0 else NONE
            for seconds in (at.base_seconds, at.head_seconds)
        ]
        speeds = f"{' → '.join(ends)} {result.test.unit}/s"
    if result.peak is not None:
        base, head = result.peak.base, result.peak.head
        peak = size(head) if base == head else byte_change(base, head)
    verdict = element("span", f"{_SIGNS.get(word, '·')} {word}", class_=f"verdict {word}")
    why = [element("div", result.reason, class_="why")] if result.reason else []
    return element("code", name), element("div", verdict, *why), change, speeds, peak


def _counts(report: Report) -> Iterator[Html]:
    names = labels(report.run.tests)
    rows = [
        (
            element("code", names[result.test.id]),
            f"{count.name.replace('_', ' ')} {count.per}",
            f"{count.base:,}",
            f"{count.head:,}",
            "over its budget" if count.over_budget else NONE,
        )
        for result in report.run.tests
        for count in result.counters
        if count.base != count.head
    ]
    if rows:
        yield element("h2", "Exact counts that changed")
        heads = ("Perf test", "Count", "#Base", "#Head", "Budget")
        yield table(plural(len(rows), "count"), heads, rows[:_MOST_TESTS])


def _causes(report: Report) -> Iterator[Html]:
    names = labels(report.run.tests)
    for result in report.run.tests[:_MOST_TESTS]:
        failures = (("base", result.base_failure), ("head", result.head_failure))
        found = [
            element("details", element("summary", f"On {side}: {one.summary}"), block(one.details))
            for side, one in failures
            if one is not None
        ]
        if result.profile is not None:
            found += profile(result.profile)
        if found:
            what = "Where the time goes: " if result.profile is not None else "Why it failed: "
            yield element("h2", what, element("code", names[result.test.id]))
            yield from found


def _findings(report: Report) -> Iterator[Html]:
    findings = report.lint.findings
    if not findings:
        return
    yield element("h2", "Lint findings")
    rows = [
        (element("code", f"{one.path}:{one.span.line}"), f"{one.code} {one.rule}", one.message)
        for one in findings[:_MOST_FINDINGS]
    ]
    yield table(plural(len(findings), "finding"), ("Place", "Rule", "What"), rows)


def _machine(report: Report) -> Html:
    at = report.run.environment
    if at is None:
        return element("p", "Nothing was measured.")
    device, chosen = at.gpu or at.device, report.run.selection
    return element(
        "p",
        f"{at.cpu}, {plural(at.cores, 'core')}, {plural(at.threads, 'thread')}; device {device}; "
        f"PyTorch {at.torch}, Python {at.python}, {at.platform}; "
        f"{chosen.affected:,} of {plural(chosen.found, 'perf test')} affected",
    )
