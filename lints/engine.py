"""Runs rules over source. Text in, findings out; no files, no printing."""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache

import libcst as cst

from .. import PerflintError
from .facts import Facts
from .finding import Finding
from .nodes import parsed
from .outside import ALONE, Outside
from .result import SourceResult
from .rule import Rule
from .suppress import unsuppressed
from .survey import may_be_hot
from .terms import USUAL, Terms

# Fields that hold layout only: no rule looks there, and they are half of all nodes.
_LAYOUT = re.compile(
    r"^(l|r)(par|brace|bracket)$|whitespace|^(leading_lines|header|footer|comma|semicolon|colon|dot"
    r"|trailing_comma|empty_lines|lines_after_decorators|equal|encoding|default_indent|default_newline"
    r"|has_trailing_newline|leading_comma)$"
)
# What parsing raises where a text is no Python, or more than Python takes.
UNPARSABLE = (SyntaxError, cst.ParserSyntaxError, ValueError, RecursionError, MemoryError)
# Of one statement, more places than these are no code that people write.
_MOST = 20_000
_NEWLINE = re.compile(r"\r\n|\r|\n")

Visit = Callable[[cst.CSTNode], None]


def check_source(
    source: str, path: str, rules: Sequence[type[Rule]], terms: Terms = USUAL
) -> list[Finding]:
    """Return the findings in a text. Raises PerflintError where it could not be checked."""
    result = lint_source(source, path, rules, terms=terms)
    if result.problems:
        raise PerflintError("; ".join(result.problems))
    return list(result.findings)


def lint_source(
    source: str,
    path: str,
    rules: Sequence[type[Rule]],
    *,
    shortcuts: bool = True,
    terms: Terms = USUAL,
) -> SourceResult:
    """Return what the rules find in a text and no comment silences."""
    result = examine(source, path, rules, shortcuts=shortcuts, terms=terms)
    return replace(result, findings=tuple(unsuppressed(result.findings, source)))


def examine(
    source: str,
    path: str,
    rules: Sequence[type[Rule]],
    *,
    outside: Outside = ALONE,
    shortcuts: bool = True,
    terms: Terms = USUAL,
) -> SourceResult:
    """Parse once, walk once, and give every rule its turn at every node that may concern it.

    Without `shortcuts` every rule sees every statement, which finds the same and takes longer.
    """
    text = _NEWLINE.sub("\n", source)
    hot = bool(outside.called) or may_be_hot(text)
    try:
        if shortcuts:
            rules = _that_may_flag(rules, text, hot, terms)
        if not rules and not hot:
            parsed(text)
            return SourceResult()
        facts = Facts(text, path, outside, terms)
        try:
            if not facts.uses_torch:
                return SourceResult()
            found, problems = _judged(facts, rules) if shortcuts else _walked(facts, rules, None)
            calls = (*facts.hot_calls(), *facts.handed_loaders())
        finally:
            facts.dismiss()
    except UNPARSABLE as error:
        return SourceResult(problems=(f"{path}: {why_unparsable(error)}",))
    once = dict.fromkeys(_said_once(found, rules))
    findings = sorted(once, key=lambda finding: (finding.span, finding.code))
    return SourceResult(tuple(findings), tuple(problems), calls=calls)


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


def _said_once(found: Sequence[Finding], rules: Sequence[type[Rule]]) -> Iterator[Finding]:
    """Leave out what another rule says more exactly of the same place."""
    instead = {rule.code: rule.instead_of for rule in rules if rule.instead_of}
    said = {(code, f.span) for f in found for code in instead.get(f.code, ())}
    return (finding for finding in found if (finding.code, finding.span) not in said)


def _that_may_flag(
    rules: Sequence[type[Rule]], text: str, hot: bool, terms: Terms
) -> list[type[Rule]]:
    """Return the rules that have something to say, as far as the words of a text tell."""
    said: dict[str, bool] = {}

    def says(token: str) -> bool:
        if token not in said:
            said[token] = token in text
        return said[token]

    able = (rule for rule in rules if hot or not rule.hot_only or (terms.notes and rule.notes))
    return [rule for rule in able if any(map(says, rule.tokens))]


def _judged(facts: Facts, rules: Sequence[type[Rule]]) -> tuple[list[Finding], list[str]]:
    """Show each rule no more than the statements that some rule wants to see."""
    nodes: list[ast.AST] = []
    asking: list[type[Rule]] = []
    problems: list[str] = []
    for rule in rules:
        try:
            wanted = list(_wanted(facts, rule))
        except RecursionError:
            wanted = [facts.syntax.tree]
        except Exception as error:  # one rule's bug must not cost the other rules' findings
            problems.append(_failure(facts.path, rule, error))
            continue
        if wanted:
            nodes += wanted
            asking.append(rule)
    nodes, crowded = _bearable(facts, nodes)
    problems += crowded
    if not nodes:
        return [], problems
    found, more = _walked(facts, asking, nodes)
    return found, problems + more


def _bearable(facts: Facts, nodes: list[ast.AST]) -> tuple[list[ast.AST], list[str]]:
    """Leave out statements with more to look at than anybody wrote, and say so."""
    if len(nodes) <= _MOST:
        return nodes, []
    places: dict[tuple[int, int, bool], list[ast.AST]] = defaultdict(list)
    for node in nodes:
        places[facts.syntax.lines_of(node)].append(node)
    crowded = sorted(lines for lines, inside in places.items() if len(inside) > _MOST)
    if crowded:
        # What asks for the whole file would have these read after all.
        places.pop(facts.syntax.all_lines, None)
    kept = [node for lines in places if lines not in crowded for node in places[lines]]
    return kept, [
        f"{facts.path}: line {first}: more than {_MOST:,} places of one statement would have to be "
        "looked at; it is left out"
        for first, _, _ in crowded
    ]


def _wanted(facts: Facts, rule: type[Rule]) -> Iterable[ast.AST]:
    noting = facts.terms.notes and rule.notes
    if rule.hot_only and not noting and not facts.regions.any_hot:
        return ()
    nodes = rule.wanted(facts)
    if nodes is None:
        if not rule.hot_only:
            return (facts.syntax.tree,)
        nodes = facts.syntax.statements
    if not rule.hot_only:
        return nodes
    runs = facts.runs if noting else facts.regions.hot
    return (node for node in nodes if runs(node) is not None)


def _walked(
    facts: Facts, rules: Sequence[type[Rule]], nodes: Iterable[ast.AST] | None
) -> tuple[list[Finding], list[str]]:
    """Parse what has to be seen (all where `nodes` is None), and let the rules visit it."""
    roots = facts.read(nodes)
    visitors = [rule(facts.path, facts) for rule in rules]
    listeners: dict[str, list[tuple[Rule, Visit]]] = defaultdict(list)
    for visitor in visitors:
        for name in dir(visitor):
            if name.startswith("visit_"):
                listeners[name.removeprefix("visit_")].append((visitor, getattr(visitor, name)))
    problems: dict[Rule, str] = {}
    deep: list[str] = []
    for node in _nodes(roots):
        for visitor, visit in listeners.get(type(node).__name__, ()):
            if visitor in problems:
                continue
            try:
                visit(node)
            except RecursionError:
                deep = [f"{facts.path}: some of it is nested too deeply to be read"]
            except Exception as error:  # as above
                problems[visitor] = _failure(facts.path, type(visitor), error)
    return [f for visitor in visitors for f in visitor.findings], [*deep, *problems.values()]


def _failure(path: str, rule: type[Rule], error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"{path}: nested too deeply for the rule {rule.name()}"
    return (
        f"{path}: the rule {rule.name()} failed ({type(error).__name__}: {error}); "
        "this is a bug in the rule"
    )


def _nodes(roots: Iterable[cst.CSTNode]) -> Iterator[cst.CSTNode]:
    """Yield all nodes that mean something, in the order of the text."""
    stack = [*roots][::-1]
    while stack:
        node = stack.pop()
        yield node
        below: list[cst.CSTNode] = []
        for name in _meaningful_fields(type(node)):
            value = getattr(node, name)
            if isinstance(value, cst.CSTNode):
                below.append(value)
            elif isinstance(value, (tuple, list)):
                below.extend(item for item in value if isinstance(item, cst.CSTNode))
        stack.extend(reversed(below))


@cache
def _meaningful_fields(node_type: type[cst.CSTNode]) -> tuple[str, ...]:
    names = node_type.__dataclass_fields__
    return tuple(name for name in names if not _LAYOUT.search(name))


def why_unparsable(error: BaseException) -> str:
    """Say in words why a text could not be parsed."""
    match error:
        case SyntaxError(lineno=line, msg=message):
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            return f"line {line}: {message} (as read by Python {version})"
        case cst.ParserSyntaxError():
            return f"line {error.raw_line}: libcst cannot read this syntax"
        case RecursionError() | MemoryError():
            return "nested too deeply to be read"
    return f"cannot be read: {error}"
