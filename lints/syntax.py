"""The stdlib syntax tree of one file: parents, places, and the nodes that questions start from."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from operator import attrgetter
from typing import TypeVar

from .finding import Span
from .nodes import FIELDS, Block, Function, Loop, blocks, parsed
from .spans import Spans

Node = TypeVar("Node", bound=ast.AST)

_PLACE = attrgetter("lineno", "col_offset")
_TEXT = re.compile(r"\S")
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
        self._listed: dict[tuple[type[ast.AST], ...], list[ast.AST]] = {}
        self._places: dict[ast.AST, tuple[Block, int]] = {}
        self._read: dict[ast.stmt, tuple[int, int, int | None] | None] = {}
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
    def stores(self) -> list[ast.Name]:
        """All names that are bound or deleted, in the order of the text."""
        names: list[ast.Name] = self._of_type.get(ast.Name, [])  # type: ignore[assignment]
        return sorted((name for name in names if type(name.ctx) is not ast.Load), key=_PLACE)

    @cached_property
    def bound_names(self) -> set[str]:
        """What is bound anywhere: names, attributes of any object, parameters."""
        attributes = self._of_type.get(ast.Attribute, ())
        named = {a.attr for a in attributes if type(a.ctx) is not ast.Load}  # type: ignore[attr-defined]
        named.update(arg.arg for arg in self._of_type.get(ast.arg, ()))  # type: ignore[attr-defined]
        return named | {name.id for name in self.stores}

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """All statements."""
        kinds = [kind for kind in self._of_type if issubclass(kind, ast.stmt)]
        return [node for kind in kinds for node in self.nodes(kind)]

    def nodes(self, *types: type[Node]) -> list[Node]:
        """Return the nodes of exactly these types, in the order of the text."""
        if types not in self._listed:
            found = [node for each in types for node in self._of_type.get(each, ())]
            if found and hasattr(found[0], "lineno"):
                found.sort(key=_PLACE)
            self._listed[types] = found
        return self._listed[types]  # type: ignore[return-value]

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

    def place(self, node: ast.AST) -> tuple[Block, int] | None:
        """Return the block that a statement stands in, and as which of it; None of expressions."""
        if not isinstance(node, ast.stmt):
            return None
        found = self._places.get(node)
        if found is None and (parent := self._parent.get(node)) is not None:
            for block in blocks(parent):
                for number, statement in enumerate(block):
                    self._places[statement] = block, number
            found = self._places.get(node)
        return found

    def in_block(self, node: ast.AST, block: object) -> bool:
        """Whether a node is one of the statements of this block."""
        place = self.place(node)
        return place is not None and place[0] is block

    def scope(self, node: ast.AST) -> ast.AST:
        """Return the function, lambda, class or module whose names this node uses.

        Decorators, defaults and annotations of a function belong to the scope around it.
        """
        homes, parents = self._home, self._parent
        if (known := homes.get(node)) is not None:
            return known
        below: list[ast.AST] = []
        at: ast.AST | None = node
        while at is not None and at not in homes:
            below.append(at)
            at = parents.get(at)
        home = self.tree if at is None else homes[at]
        # The next one below the same statement need not climb that far.
        homes.update(dict.fromkeys(below, home))
        return home

    def function(self, node: ast.AST) -> Function | None:
        """Return the innermost function whose body holds this node; None in a lambda or outside."""
        scope = self.scope(node)
        return scope if isinstance(scope, Function) else None

    def class_of(self, function: ast.AST) -> ast.ClassDef | None:
        """Return the class that a method is defined in."""
        parent = self._parent.get(function)
        return parent if isinstance(parent, ast.ClassDef) else None

    def full_name(self, function: Function) -> str:
        """Return the name by which other files know a function: `function`, or `Class.method`."""
        home = self.class_of(function)
        return f"{home.name}.{function.name}" if home else function.name

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
        statement = self.statement(node)
        if statement is None:
            return self.all_lines
        if statement not in self._read:
            self._read[statement] = self._lines_around(statement)
        lines = self._read[statement]
        if lines is None:
            return self.all_lines
        first, last, inner = lines
        if inner is not None and node is not statement and _line_of(node) < inner <= last:
            return first, inner - 1, True
        return first, last, False

    def _lines_around(self, statement: ast.stmt) -> tuple[int, int, int | None] | None:
        """Return the first and last line of what begins its line, and where its block begins."""
        at: ast.stmt | None = statement
        while at is not None and not self._begins_line(at):
            at = self.statement(self._parent[at])
        if at is None:
            return None
        decorators = getattr(at, "decorator_list", ())
        first = min([at.lineno, *(decorator.lineno for decorator in decorators)])
        headed = isinstance(at, _COMPOUND) and not decorators
        return first, at.end_lineno or at.lineno, _first_below(at) if headed else None

    @property
    def all_lines(self) -> tuple[int, int, bool]:
        """The first and last line of the file."""
        return 1, len(self._lines), False

    def expression_at(self, span: Span) -> ast.expr | None:
        """Return the expression that fills exactly this span of the text."""
        return self._spans.expression(span)

    @cached_property
    def _lines(self) -> list[str]:
        return self._source.split("\n")

    @cached_property
    def _spans(self) -> Spans:
        kinds = [kind for kind in self._of_type if issubclass(kind, ast.expr)]
        nodes = (node for kind in kinds for node in self._of_type[kind])
        return Spans(nodes, self._lines)  # type: ignore[arg-type]

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
        return not _TEXT.search(self._lines[statement.lineno - 1], 0, statement.col_offset)


def _first_below(statement: ast.stmt) -> int | None:
    """Return the line on which the first block of a compound statement begins."""
    body: list[ast.stmt] = getattr(statement, "body", [])
    if not body:
        return None
    decorators: list[ast.expr] = getattr(body[0], "decorator_list", [])
    return min([body[0].lineno, *(decorator.lineno for decorator in decorators)])


def _line_of(node: ast.AST) -> int:
    """Return the last line of a node."""
    return getattr(node, "end_lineno", None) or 0
