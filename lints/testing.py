"""The promises of a rule: its examples and its page, held against what the rule really does.

Each function yields a sentence for each promise that is broken.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from textwrap import dedent

from .. import PerflintError
from .engine import apply_fixes
from .examples import example_code, findings_in
from .finding import Severity
from .meta_rule import MetaRule, cause_heading
from .rule import Invalid, Rule
from .terms import Terms

MARK = "# <-"
# On a line that is a note only, which who asks for `--min-severity info` is shown as well.
NOTE = "# <- info"


def broken_promises(rule: type[Rule]) -> Iterator[str]:
    """Hold a rule to all of its promises."""
    for sentence in (*is_documented(rule), *shows_both_sides(rule)):
        yield f"{rule.name()}: {sentence}"
    for number, valid in enumerate(getattr(rule, "VALID", ()), 1):
        for sentence in (
            *leaves_alone(rule, valid),
            *holds_a_token(rule, valid),
            *notes_marked_lines(rule, valid),
        ):
            yield f"{rule.name()}: VALID {number}: {sentence}"
    for number, invalid in enumerate(getattr(rule, "INVALID", ()), 1):
        for sentence in (
            *flags_marked_lines(rule, invalid),
            *fixes_as_promised(rule, invalid),
            *notes_marked_lines(rule, invalid),
        ):
            yield f"{rule.name()}: INVALID {number}: {sentence}"


def leaves_alone(rule: type[Rule], case: str) -> Iterator[str]:
    """Valid code has no finding, but for the notes of those who ask for them."""

    def judge() -> Iterator[str]:
        for finding in findings_in(rule, dedent(case), "valid.py"):
            yield f"line {finding.span.line} is flagged"

    yield from _unless_it_fails(judge)


def holds_a_token(rule: type[Rule], case: str) -> Iterator[str]:
    """Valid code holds what the rule looks for: what the prefilter leaves out proves nothing."""
    if not issubclass(rule, MetaRule) and not any(token in case for token in rule.tokens):
        yield "none of the rule's tokens stands in it, so it proves nothing"


def flags_marked_lines(rule: type[Rule], case: str | Invalid) -> Iterator[str]:
    """Each line that ends in `# <-` is flagged, and no other line is."""
    code = dedent(_invalid(case).code)
    marked = [n for n, line in enumerate(code.split("\n"), 1) if line.endswith(MARK)]
    if not marked:
        yield f"no line is marked with '{MARK}'"
        return

    def judge() -> Iterator[str]:
        flagged = [f.span.line for f in findings_in(rule, example_code(rule, code), "invalid.py")]
        yield from (f"line {line} is not flagged" for line in marked if line not in flagged)
        yield from (f"line {n} is flagged without a mark" for n in flagged if n not in marked)
        if len(set(flagged)) < len(flagged):
            yield "a line is flagged more than once"

    yield from _unless_it_fails(judge)


def notes_marked_lines(rule: type[Rule], case: str | Invalid) -> Iterator[str]:
    """Who asks for notes is told of each line that ends in `# <- info`, and of no other besides."""
    code = dedent(_invalid(case).code)
    marked = [n for n, line in enumerate(code.split("\n"), 1) if line.endswith(NOTE)]

    def judge() -> Iterator[str]:
        usual = findings_in(rule, code, "noted.py")
        asked = findings_in(rule, code, "noted.py", Terms(notes=True))
        notes = [finding for finding in asked if finding not in usual]
        noted = [finding.span.line for finding in notes]
        yield from (f"line {f.span.line} loses a finding" for f in usual if f not in asked)
        yield from (f"line {line} is no note" for line in marked if line not in noted)
        yield from (f"line {line} is a note without a mark" for line in noted if line not in marked)
        yield from (
            f"the note of line {note.span.line} is no info"
            for note in notes
            if note.severity is not Severity.INFO
        )

    if rule.notes or marked:
        yield from _unless_it_fails(judge)


def fixes_as_promised(rule: type[Rule], case: str | Invalid) -> Iterator[str]:
    """The fix makes of the code what the example says, which comes back clean."""
    case = _invalid(case)
    code = example_code(rule, dedent(case.code))
    fixed = case.fixed and example_code(rule, dedent(case.fixed))

    def judge() -> Iterator[str]:
        findings = findings_in(rule, code, "invalid.py")
        if fixed is None:
            if any(finding.fix for finding in findings):
                yield "it is fixed, and the example does not show what the fix makes of it"
            return
        if (made := apply_fixes(code, findings)) != fixed:
            yield f"the fix makes something else of it:\n{made}"
        for finding in findings_in(rule, fixed, "fixed.py"):
            yield f"line {finding.span.line} of the fixed code is flagged"

    yield from _unless_it_fails(judge)


def is_documented(rule: type[Rule]) -> Iterator[str]:
    """The page says why, what instead, when it is fine, and how safe a fix is."""
    doc = inspect.getdoc(rule) or "" if rule.__doc__ else ""
    for heading in (f"## {cause_heading(rule)}", "## Instead", "## When it is fine"):
        if heading not in doc:
            yield f"its docstring has no heading '{heading}'"
    fixes = any(isinstance(case, Invalid) and case.fixed for case in getattr(rule, "INVALID", ()))
    if fixes and "## Fix safety" not in doc:
        yield "it fixes, and its docstring has no heading '## Fix safety'"
    if not fixes and "## Fix safety" in doc:
        yield "its docstring has the heading '## Fix safety', and no example shows a fix"


def shows_both_sides(rule: type[Rule], *, valid: int = 1, invalid: int = 1) -> Iterator[str]:
    """There are examples of what it flags and of what it leaves alone."""
    for kind, wanted in (("VALID", valid), ("INVALID", invalid)):
        if (there := len(getattr(rule, kind, ()))) < wanted:
            yield f"{kind} has {there} of at least {wanted} examples"


def sits_in_its_file(rule: type[Rule]) -> Iterator[str]:
    """One of our own rules is in the file of its name, whose docstring names it."""
    if Path(inspect.getfile(rule)).stem != rule.name().replace("-", "_"):
        yield f"it is not in {rule.name().replace('-', '_')}.py"
    module = inspect.getmodule(rule)
    if not module or module.__doc__ != f"{rule.code} {rule.name()}.":
        yield f'the docstring of its module is not "{rule.code} {rule.name()}."'


def _unless_it_fails(judge: Callable[[], Iterable[str]]) -> Iterator[str]:
    try:
        yield from judge()
    except PerflintError as error:
        yield str(error)


def _invalid(case: str | Invalid) -> Invalid:
    return Invalid(case) if isinstance(case, str) else case
