"""Runs rules over source. Text in, findings out; no files, no printing."""

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import libcst as cst

from .. import PerflintError
from .facts import FRAMEWORKS, Facts
from .finding import Finding
from .rule import Rule
from .suppress import unsuppressed

# Fields that hold layout only: no rule looks there, and they are half of all nodes.
_LAYOUT = re.compile(
    r"^(l|r)(par|brace|bracket)$|whitespace|^(leading_lines|header|footer|comma|semicolon|colon|dot"
    r"|trailing_comma|empty_lines|lines_after_decorators|equal|encoding|default_indent|default_newline"
    r"|has_trailing_newline|leading_comma)$"
)
_NEWLINE = re.compile(r"\r\n|\r|\n")

Visit = Callable[[cst.CSTNode], None]


@dataclass(frozen=True, slots=True)
class SourceResult:
    """The findings in one text, and why some of the work could not be done."""

    findings: tuple[Finding, ...] = ()
    problems: tuple[str, ...] = ()


def check_source(source: str, path: str, rules: Sequence[type[Rule]]) -> list[Finding]:
    """Return the findings in a text. Raises PerflintError where it could not be checked."""
    result = lint_source(source, path, rules)
    if result.problems:
        raise PerflintError("; ".join(result.problems))
    return list(result.findings)


def lint_source(source: str, path: str, rules: Sequence[type[Rule]]) -> SourceResult:
    """Parse once, walk once, and give every rule its turn at every node."""
    rules = [rule for rule in rules if any(token in source for token in rule.tokens)]
    text = _NEWLINE.sub("\n", source)
    try:
        facts = Facts(text, path)
        hot = facts.uses_torch and facts.regions.any_hot
        visitors = [rule(path, facts) for rule in rules if hot or not rule.hot_only]
        if not visitors or not facts.uses_torch:
            return SourceResult()
        module = facts.module
    except (SyntaxError, cst.ParserSyntaxError, ValueError, RecursionError, MemoryError) as error:
        return SourceResult(problems=(f"{path}: {_unparsable(error)}",))
    problems = _walk(module, visitors, path)
    findings = [finding for visitor in visitors for finding in visitor.findings]
    findings.sort(key=lambda finding: (finding.span, finding.code))
    return SourceResult(tuple(unsuppressed(findings, text)), tuple(problems))


def could_matter(source: str) -> bool:
    """Whether a text may speak of training at all, as far as can be told without parsing it."""
    return any(framework in source for framework in FRAMEWORKS)


def apply_fixes(source: str, findings: Iterable[Finding]) -> str:
    """Work from the end of the file to its start, so that earlier positions stay true.

    Where two fixes overlap, the outer one waits for the next run.
    """
    # Not splitlines(): that also breaks at form feeds, which end no line of Python.
    starts = [0, *(newline.end() for newline in _NEWLINE.finditer(source))]
    untouched = len(source)
    for fix in sorted((f.fix for f in findings if f.fix), key=lambda e: e.span, reverse=True):
        begin = starts[fix.span.line - 1] + fix.span.column
        end = starts[fix.span.end_line - 1] + fix.span.end_column
        if end <= untouched:
            source = source[:begin] + fix.text + source[end:]
            untouched = begin
    return source


def _walk(module: cst.Module, visitors: list[Rule], path: str) -> list[str]:
    listeners: dict[str, list[tuple[Rule, Visit]]] = defaultdict(list)
    for visitor in visitors:
        for name in dir(visitor):
            if name.startswith("visit_"):
                listeners[name.removeprefix("visit_")].append((visitor, getattr(visitor, name)))
    problems: dict[Rule, str] = {}
    for node in _nodes(module):
        for visitor, visit in listeners.get(type(node).__name__, ()):
            if visitor in problems:
                continue
            try:
                visit(node)
            except Exception as error:  # one rule's bug must not cost the other rules' findings
                problems[visitor] = (
                    f"{path}: the rule {visitor.name()} failed ({type(error).__name__}: {error}); "
                    "this is a bug in the rule"
                )
    return list(problems.values())


def _nodes(module: cst.Module) -> Iterator[cst.CSTNode]:
    """Yield all nodes that mean something, in the order of the text."""
    stack: list[cst.CSTNode] = [module]
    while stack:
        node = stack.pop()
        yield node
        children: list[cst.CSTNode] = []
        for name in _meaningful_fields(type(node)):
            value = getattr(node, name)
            if isinstance(value, cst.CSTNode):
                children.append(value)
            elif isinstance(value, Sequence) and not isinstance(value, str):
                children.extend(item for item in value if isinstance(item, cst.CSTNode))
        stack.extend(reversed(children))


@cache
def _meaningful_fields(node_type: type[cst.CSTNode]) -> tuple[str, ...]:
    names = node_type.__dataclass_fields__
    return tuple(name for name in names if not _LAYOUT.search(name))


def _unparsable(error: BaseException) -> str:
    match error:
        case SyntaxError(lineno=line, msg=message):
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            return f"line {line}: {message} (as read by Python {version})"
        case cst.ParserSyntaxError():
            return f"line {error.raw_line}: libcst cannot read this syntax"
        case RecursionError() | MemoryError():
            return "nested too deeply to be read"
    return f"cannot be read: {error}"
