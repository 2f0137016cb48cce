"""JUnit XML, which most CI services show as a list of failed tests."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from xml.sax.saxutils import quoteattr

from ..excerpt import excerpt
from ..finding import Finding
from ..outcome import Outcome, counted, sentence

# What no XML document may hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(outcome: Outcome) -> str:
    """Write a suite for each file with findings and one for what went wrong; ASCII only.

    Without either, one passed test says so: readers take an empty report for a broken one.
    """
    result = outcome.result
    suites = []
    for path, found in groupby(result.findings, key=lambda finding: finding.path):
        findings = list(found)
        cases = [_failure(f, outcome.source_of(path)) for f in findings]
        suites.append(_suite(path, cases, failures=len(cases)))
    if result.problems:
        cases = [_error(number, problem) for number, problem in enumerate(result.problems, 1)]
        suites.append(_suite("perflint", cases, errors=len(cases)))
    if not suites:
        fine = _open("testcase", classname="perflint", name=_fine(result.files), time="0") + "/>"
        suites.append(_suite("perflint", [fine]))
    failures, errors = len(result.findings), len(result.problems)
    head = _open(
        "testsuites", name="perflint", **_counts(max(1, failures + errors), failures, errors)
    )
    body = "\n".join([f"{head}>", *suites, "</testsuites>"])
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _suite(name: str, cases: Sequence[str], *, failures: int = 0, errors: int = 0) -> str:
    head = _open("testsuite", name=name, **_counts(len(cases), failures, errors))
    return "\n".join([f" {head}>", *(f"  {case}" for case in cases), " </testsuite>"])


def _failure(finding: Finding, lines: Sequence[str]) -> str:
    span = finding.span
    told = [f"{finding.place}: {sentence(finding)}"]
    if span.line <= len(lines):
        told += excerpt(lines[span.line - 1], span)
    # Readers take tests of one name for one test, so the place belongs to the name.
    name = f"{finding.code} {finding.rule} at {finding.place.removeprefix(finding.path + ':')}"
    case = _open(
        "testcase",
        classname=finding.path,
        name=name,
        file=finding.path,
        line=str(finding.file_lines[0]),
        time="0",
    )
    kind = finding.severity.value
    failure = _open("failure", type=kind, message=sentence(finding))
    return f"{case}>{failure}>{_text(told)}</failure></testcase>"


def _error(number: int, problem: str) -> str:
    case = _open("testcase", classname="perflint", name=f"problem {number}", time="0")
    return f"{case}>{_open('error', type='problem', message=problem)}/></testcase>"


def _fine(files: int) -> str:
    return f"no findings in {counted(files, 'file')}"


def _counts(tests: int, failures: int, errors: int) -> dict[str, str]:
    return {"tests": str(tests), "failures": str(failures), "errors": str(errors), "time": "0"}


def _open(tag: str, **attributes: str) -> str:
    told = " ".join(f"{key}={quoteattr(_allowed(text))}" for key, text in attributes.items())
    return f"<{tag} {told}"


def _text(lines: Iterable[str]) -> str:
    text = _allowed("\n".join(lines))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _allowed(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
