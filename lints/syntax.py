"""The stdlib syntax tree of one file: parents, places, and the nodes that questions start from."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TypeVar

from .finding import Span
from .nodes import FIELDS, Function, Loop, parsed

Node = TypeVar("Node", bound=ast.AST)

_COMPOUND = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar),
    *(ast.Match, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
)


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
        parents, homes, of_type, fields = self._parent, self._home, self._of_type, FIELDS
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
