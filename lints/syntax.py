"""The stdlib syntax tree of one file: parents, places, and the nodes that questions start from."""

import ast
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TypeVar

from .finding import Span

Function = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.AsyncFor | ast.While
Block = list[ast.stmt]
Node = TypeVar("Node", bound=ast.AST)

# What has a body of its own that runs at another time than the code around it.
OWN_TIME = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPOUND = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar),
    *(ast.Match, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
)

# Fields that hold no nodes, or nodes that all trees share: contexts and operators.
_NO_NODES = {
    *("ctx", "op", "ops", "id", "attr", "arg", "name", "module", "level", "kind", "type_comment"),
    *("is_async", "simple", "conversion", "asname", "rest", "kwd_attrs", "names", "tag", "lineno"),
}


def _fields(node_type: type[ast.AST]) -> tuple[str, ...]:
    if node_type is ast.Constant:
        return ()
    if issubclass(node_type, ast.arg):
        return ("annotation",)
    if issubclass(node_type, ast.Import | ast.ImportFrom):
        return ("names",)
    return tuple(field for field in node_type._fields if field not in _NO_NODES)


_FIELDS = {
    member: _fields(member)
    for member in vars(ast).values()
    if isinstance(member, type) and issubclass(member, ast.AST)
}


class Syntax:
    """A parsed file. Text that is no Python raises SyntaxError, ValueError or RecursionError."""

    def __init__(self, source: str) -> None:
        self.tree = parsed(source)
        self._source = source
        self._parent: dict[ast.AST, ast.AST] = {}
        # Where a statement stands: the function, class or module whose names it uses.
        self._home: dict[ast.AST, ast.AST] = {}
        self._of_type: dict[type[ast.AST], list[ast.AST]] = defaultdict(list)
        self._flatten()

    @cached_property
    def calls(self) -> list[ast.Call]:
        """All calls, in the order of the text."""
        return self.nodes(ast.Call)

    @cached_property
    def functions(self) -> list[Function]:
        """All functions and methods, in the order of the text."""
        return self.nodes(ast.FunctionDef, ast.AsyncFunctionDef)

    @cached_property
    def classes(self) -> list[ast.ClassDef]:
        """All classes, in the order of the text."""
        return self.nodes(ast.ClassDef)

    @cached_property
    def loops(self) -> list[Loop]:
        """All loops that are statements, in the order of the text."""
        return self.nodes(ast.For, ast.AsyncFor, ast.While)

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """All statements."""
        kinds = [kind for kind in self._of_type if issubclass(kind, ast.stmt)]
        return [node for kind in kinds for node in self.nodes(kind)]

    def nodes(self, *types: type[Node]) -> list[Node]:
        """Return the nodes of exactly these types, in the order of the text."""
        found: list[Node] = []
        for each in types:
            found += self._of_type.get(each, ())  # type: ignore[arg-type]
        if found and hasattr(found[0], "lineno"):
            found.sort(key=lambda node: (node.lineno, node.col_offset))  # type: ignore[attr-defined]
        return found

    def calls_to(self, *names: str) -> list[ast.Call]:
        """Return the calls of functions or methods whose last name is one of these."""
        return [call for name in names for call in self._calls_by_name.get(name, ())]

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the node that holds this one."""
        return self._parent.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
        """Yield (child, parent) from this node up to the module."""
        parents = self._parent
        child = node
        while (parent := parents.get(child)) is not None:
            yield child, parent
            child = parent

    def scope(self, node: ast.AST) -> ast.AST:
        """Return the function, lambda, class or module whose names this node uses.

        Decorators, defaults and annotations of a function belong to the scope around it.
        """
        homes, parents = self._home, self._parent
        at: ast.AST | None = node
        while at is not None:
            home = homes.get(at)
            if home is not None:
                return home
            at = parents.get(at)
        return self.tree

    def function(self, node: ast.AST) -> Function | None:
        """Return the innermost function whose body holds this node; None in a lambda or outside."""
        scope = self.scope(node)
        return scope if isinstance(scope, Function) else None

    def class_of(self, function: ast.AST) -> ast.ClassDef | None:
        """Return the class that a method is defined in."""
        parent = self._parent.get(function)
        return parent if isinstance(parent, ast.ClassDef) else None

    def calls_in(self, function: ast.AST) -> list[ast.Call]:
        """Return the calls that stand in the body of a function itself."""
        return self._calls_by_scope.get(function, [])

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """Return the innermost statement that holds this node, or is it."""
        at: ast.AST | None = node
        while at is not None and not isinstance(at, ast.stmt):
            at = self._parent.get(at)
        return at

    def lines_of(self, node: ast.AST) -> tuple[int, int, bool]:
        """Return the first and last line to read of a node, and whether these are a head only.

        For a statement that is all its lines; for an expression those of the smallest statement
        around it that begins its line, of which the head is enough where the node stands there.
        """
        statement = self.statement(node) or self.tree
        while isinstance(statement, ast.stmt) and not self._begins_line(statement):
            statement = self.statement(self._parent[statement]) or self.tree
        if not isinstance(statement, ast.stmt):
            return self.all_lines
        first = statement.lineno
        last = statement.end_lineno or first
        decorators = getattr(statement, "decorator_list", ())
        first = min([first, *(decorator.lineno for decorator in decorators)])
        if isinstance(statement, _COMPOUND) and node is not statement:
            inner = _first_below(statement)
            if inner is not None and not decorators and _line_of(node) < inner <= last:
                return first, inner - 1, True
        return first, last, False

    @property
    def all_lines(self) -> tuple[int, int, bool]:
        """The first and last line of the file."""
        return 1, len(self._lines), False

    def expression_at(self, span: Span) -> ast.expr | None:
        """Return the expression that fills exactly this span of the text."""
        for node in self._expressions.get(span.line, ()):
            if self._span(node) == span:
                return node
        return None

    @cached_property
    def _lines(self) -> list[str]:
        return self._source.split("\n")

    @cached_property
    def _expressions(self) -> dict[int, list[ast.expr]]:
        found: dict[int, list[ast.expr]] = defaultdict(list)
        for node_type, nodes in self._of_type.items():
            if issubclass(node_type, ast.expr):
                for node in nodes:
                    found[node.lineno].append(node)  # type: ignore[attr-defined, arg-type]
        return found

    @cached_property
    def _calls_by_name(self) -> dict[str, list[ast.Call]]:
        found: dict[str, list[ast.Call]] = defaultdict(list)
        for call in self.calls:
            match call.func:
                case ast.Attribute(attr=name) | ast.Name(id=name):
                    found[name].append(call)
        return found

    @cached_property
    def _calls_by_scope(self) -> dict[ast.AST, list[ast.Call]]:
        found: dict[ast.AST, list[ast.Call]] = defaultdict(list)
        for call in self.calls:
            found[self.scope(call)].append(call)
        return found

    def _flatten(self) -> None:
        """Visit every node once: all later questions are look-ups."""
        parents, homes, of_type, fields = self._parent, self._home, self._of_type, _FIELDS
        stack: list[ast.AST] = [self.tree]
        pop, push = stack.pop, stack.append
        while stack:
            node = pop()
            node_type = type(node)
            of_type[node_type].append(node)
            for field in fields[node_type]:
                value = getattr(node, field)
                if value is None:
                    continue
                if type(value) is list:
                    for child in value:
                        if child is not None:
                            parents[child] = node
                            push(child)
                elif isinstance(value, ast.AST):
                    parents[value] = node
                    push(value)
        for opener in (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef):
            for scope in of_type.get(opener, ()):
                homes.update(dict.fromkeys(scope.body, scope))  # type: ignore[attr-defined]
        for scope in of_type.get(ast.Lambda, ()):
            homes[scope.body] = scope  # type: ignore[attr-defined]

    def _begins_line(self, statement: ast.stmt) -> bool:
        line = self._lines[statement.lineno - 1]
        return not line.encode()[: statement.col_offset].strip()

    def _span(self, node: ast.expr) -> Span:
        end_line = node.end_lineno or node.lineno
        end = node.end_col_offset or node.col_offset
        return Span(
            node.lineno,
            self._column(node.lineno, node.col_offset),
            end_line,
            self._column(end_line, end),
        )

    def _column(self, line: int, byte: int) -> int:
        """Count in characters, as `Span` does; `ast` counts bytes of UTF-8."""
        text = self._lines[line - 1] if line <= len(self._lines) else ""
        return byte if text.isascii() else len(text.encode()[:byte].decode(errors="ignore"))


def parsed(source: str) -> ast.Module:
    """Parse a text. What is no Python raises SyntaxError, ValueError or RecursionError."""
    with warnings.catch_warnings():
        # A bad escape in the user's code is not ours to print.
        warnings.simplefilter("ignore")
        return ast.parse(source)


def children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes right below this one, without contexts and operators."""
    for field in _FIELDS[type(node)]:
        value = getattr(node, field)
        if type(value) is list:
            for child in value:
                if child is not None:
                    yield child
        elif isinstance(value, ast.AST):
            yield value


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield this node and all below it, without contexts and operators."""
    stack = [node]
    while stack:
        at = stack.pop()
        yield at
        stack.extend(children(at))


def within(node: ast.AST) -> Iterator[ast.AST]:
    """Yield this node and all below it that run at the same time, so no nested function's body."""
    stack = [node]
    while stack:
        at = stack.pop()
        yield at
        stack.extend(child for child in children(at) if not isinstance(child, OWN_TIME))


def blocks(statement: ast.AST) -> Iterator[Block]:
    """Yield the blocks of a compound statement."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(statement, field, None)
        if isinstance(block, list):
            yield block
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body


def dotted(node: ast.AST) -> str | None:
    """Return `a.b.c` for a chain of attributes that starts at a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    if not parts:
        return node.id
    return ".".join([node.id, *reversed(parts)])


def path_of(node: ast.AST) -> tuple[str, ...] | None:
    """Return the steps of `a.b["c"][0]`, from the name on; None where a step is computed."""
    steps: list[str] = []
    while True:
        match node:
            case ast.Attribute(value=value, attr=attr):
                steps.append("." + attr)
                node = value
            case ast.Subscript(value=value, slice=ast.Constant(value=str() | int() as key)):
                steps.append(f"[{key!r}]")
                node = value
            case ast.Name(id=name):
                return (name, *reversed(steps))
            case _:
                return None


def literal_text(node: ast.expr) -> str:
    """Return the literal parts of a text: of `"%s" * 2 + "%d"`, both; nothing where it is none."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.BinOp(left=left, op=ast.Add() | ast.Mult(), right=right):
            return literal_text(left) + literal_text(right)
    return ""


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return what a call passes as `name=`."""
    return next((k.value for k in call.keywords if k.arg == name), None)


def _first_below(statement: ast.stmt) -> int | None:
    """Return the line on which the first block of a compound statement begins."""
    body: Iterable[ast.AST] = getattr(statement, "body", ())
    lines = [
        min([each.lineno, *(d.lineno for d in getattr(each, "decorator_list", ()))])
        for each in body
        if isinstance(each, ast.stmt)
    ]
    return min(lines, default=None)


def _line_of(node: ast.AST) -> int:
    """Return the last line of a node."""
    return getattr(node, "end_lineno", None) or 0
