"""The stdlib syntax tree of one file: parents, places, and the nodes that questions start from."""

import ast
import warnings
from collections.abc import Iterator

from .finding import Span

Function = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.AsyncFor | ast.While
Block = list[ast.stmt]

# What has a body of its own that runs at another time than the code around it.
OWN_TIME = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class Syntax:
    """A parsed file. Text that is no Python raises SyntaxError, ValueError or RecursionError."""

    def __init__(self, source: str) -> None:
        with warnings.catch_warnings():
            # A bad escape in the user's code is not ours to print.
            warnings.simplefilter("ignore")
            self.tree = ast.parse(source)
        self._lines = source.split("\n")
        self._parent: dict[ast.AST, ast.AST] = {}
        self._at: dict[Span, ast.expr] = {}
        self.calls: list[ast.Call] = []
        self.functions: list[Function] = []
        self.classes: list[ast.ClassDef] = []
        self.loops: list[Loop] = []
        self._index()

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the node that holds this one."""
        return self._parent.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
        """Yield (child, parent) from this node up to the module."""
        child = node
        while (parent := self._parent.get(child)) is not None:
            yield child, parent
            child = parent

    def scope(self, node: ast.AST) -> ast.AST:
        """Return the function, lambda, class or module whose names this node uses."""
        for child, parent in self.ancestors(node):
            if isinstance(parent, Function):
                # Decorators, defaults and annotations are evaluated outside of the function.
                if child in parent.body:
                    return parent
            elif isinstance(parent, ast.Lambda):
                if child is parent.body:
                    return parent
            elif isinstance(parent, ast.ClassDef):
                if child in parent.body:
                    return parent
            elif isinstance(parent, ast.Module):
                return parent
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
        return [call for call in self.calls if self.function(call) is function]

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """Return the innermost statement that holds this node, or is it."""
        if isinstance(node, ast.stmt):
            return node
        for _, parent in self.ancestors(node):
            if isinstance(parent, ast.stmt):
                return parent
        return None

    def expression_at(self, span: Span) -> ast.expr | None:
        """Return the expression that fills exactly this span of the text."""
        return self._at.get(span)

    def _index(self) -> None:
        stack: list[ast.AST] = [self.tree]
        while stack:
            node = stack.pop()
            for child in ast.iter_child_nodes(node):
                # Contexts and operators are shared by all trees: they have no parent.
                if not isinstance(child, ast.expr_context | ast.operator | ast.cmpop):
                    self._parent[child] = node
                    stack.append(child)
            self._remember(node)
        for nodes in (self.calls, self.functions, self.classes, self.loops):
            nodes.sort(key=lambda node: (node.lineno, node.col_offset))

    def _remember(self, node: ast.AST) -> None:
        match node:
            case ast.Call():
                self.calls.append(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.functions.append(node)
            case ast.ClassDef():
                self.classes.append(node)
            case ast.For() | ast.AsyncFor() | ast.While():
                self.loops.append(node)
        if isinstance(node, ast.expr):
            self._at[self._span(node)] = node

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


def within(node: ast.AST) -> Iterator[ast.AST]:
    """Yield this node and all below it that run at the same time, so no nested function's body."""
    stack = [node]
    while stack:
        at = stack.pop()
        yield at
        stack.extend(child for child in ast.iter_child_nodes(at) if not isinstance(child, OWN_TIME))


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


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return what a call passes as `name=`."""
    return next((k.value for k in call.keywords if k.arg == name), None)
