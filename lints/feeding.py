"""Which names a loss is made of: all that flows into what a backward pass is run on."""

import ast
from collections import defaultdict
from collections.abc import Iterator

from .bindings import Path
from .markers import backward_receivers, candidates
from .names import Names
from .nodes import children, path_of, walk
from .syntax import Syntax

Key = tuple[ast.AST, Path]

# Stands for the elements of a container: `sum(losses.values())` is made of these.
EACH = "[*]"


class Feeding:
    """Follows assignments backwards from each backward pass, whatever their order in the text."""

    def __init__(self, syntax: Syntax, names: Names) -> None:
        self._syntax = syntax
        self._names = names
        self._backward: dict[Key, list[ast.expr]] = defaultdict(list)
        for call in candidates(syntax):
            for receiver in backward_receivers(call):
                if path_of(receiver):
                    self._backward[self._key(receiver)].append(receiver)
        self._feeding: set[Key] | None = None
        # What a name leads to, part by part: all starts of what feeds a loss.
        self._starts: set[Key] = set()
        self._summed: set[Key] | None = None

    def receivers(self, node: ast.AST, path: Path) -> list[ast.expr]:
        """Return where the backward pass of a path is run."""
        return self._backward.get((self.home(node, path), path), [])

    def feeds_backward(self, node: ast.AST) -> bool:
        """Whether a name goes into a loss whose backward pass is run, however indirectly."""
        path = path_of(node)
        if path is None or not self._backward:
            return False
        # What goes in as a whole goes in with each of its parts; but `self` is in everything.
        first = 2 if path[0] in ("self", "cls") else 1
        starts = [path[:n] for n in range(first, len(path) + 1)]
        feeders, home = self._feeders(), self.home(node, path)
        return (home, path) in self._starts or any((home, start) in feeders for start in starts)

    def is_summed(self, node: ast.AST, path: Path) -> bool:
        """Whether a loss is computed from this name by plain arithmetic: it is a number too."""
        key = self.home(node, path), path
        return bool(self._backward) and key not in self._backward and key in self._summands()

    def home(self, node: ast.AST, path: Path) -> ast.AST:
        """Return the scope that a path belongs to; attributes of `self` belong to the class."""
        if path[0] in ("self", "cls") and (home := self._names.own_class(node)):
            return home
        return self._names.home(node, path[0]) or self._syntax.tree

    def _key(self, node: ast.AST) -> Key:
        path = path_of(node) or ("",)
        return self.home(node, path), path

    def _feeders(self) -> set[Key]:
        if self._feeding is None:
            into: dict[Key, set[Key]] = defaultdict(set)
            for statement in self._statements():
                for target, source in _flows(statement):
                    into[self._key(target)] |= {self._key(part) for part in _read_by(source)}
            self._feeding = self._closure(into)
            for scope, fed in self._feeding:
                self._starts.update((scope, fed[:length]) for length in range(1, len(fed) + 1))
        return self._feeding

    def _summands(self) -> set[Key]:
        if self._summed is None:
            into: dict[Key, set[Key]] = defaultdict(set)
            for statement in self._syntax.nodes(ast.Assign, ast.AugAssign):
                for target, source in _flows(statement):
                    for path, part in _summands_of(source):
                        into[self._key(target)].add((self.home(part, path), path))
            self._summed = self._closure(into)
        return self._summed

    def _statements(self) -> list[ast.AST]:
        return [
            *self._syntax.nodes(ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For),
            *self._syntax.calls_to("append", "extend"),
        ]

    def _closure(self, into: dict[Key, set[Key]]) -> set[Key]:
        found = set(self._backward)
        todo = list(found)
        while todo:
            for key in into.get(todo.pop(), ()):
                if key not in found:
                    found.add(key)
                    todo.append(key)
        return found


def _flows(statement: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    """Return (target, source) for all that moves values from name to name."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            parts = [p for t in targets for p in (t.elts if isinstance(t, ast.Tuple) else [t])]
            return [(part, value) for part in parts if path_of(part)]
        case ast.AugAssign(target=target, value=value) if path_of(target):
            return [(target, value)]
        case ast.AnnAssign(target=target, value=ast.expr() as value) if path_of(target):
            return [(target, value)]
        case ast.For(target=target, iter=source) if path_of(target):
            return [(target, source)]
        case ast.Call(func=ast.Attribute(attr="append" | "extend", value=owner), args=[value]):
            return [(owner, value)] if path_of(owner) else []
    return []


def _read_by(source: ast.expr) -> Iterator[ast.expr]:
    """Yield the paths that an expression reads, each as a whole: `a.b`, not `a` as well."""
    stack: list[ast.AST] = [source]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.expr) and path_of(node):
            yield node
        else:
            stack.extend(children(node))


def _summands_of(source: ast.expr) -> Iterator[tuple[Path, ast.expr]]:
    """Yield what an expression adds, scales or divides; of a `sum`, the elements that it sums."""
    match source:
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult(), left=left, right=right):
            yield from _summands_of(left)
            yield from _summands_of(right)
        case ast.BinOp(op=ast.Div(), left=left):
            yield from _summands_of(left)
        case ast.UnaryOp(operand=operand):
            yield from _summands_of(operand)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _summands_of(body)
            yield from _summands_of(orelse)
        case ast.Call(func=ast.Attribute(attr="mean" | "sum", value=owner), args=[]):
            yield from _summands_of(owner)
        case ast.Call(func=ast.Name(id="sum"), args=[summed, *_]):
            yield from _elements_summed(summed)
        case ast.Subscript(value=owner) if path_of(source) is None:
            if path := path_of(owner):
                yield (*path, EACH), owner
        case ast.expr():
            if path := path_of(source):
                yield path, source


def _elements_summed(summed: ast.expr) -> Iterator[tuple[Path, ast.expr]]:
    match summed:
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            for element in elements:
                yield from _summands_of(element)
        case (
            ast.GeneratorExp(elt=elt, generators=[each]) | ast.ListComp(elt=elt, generators=[each])
        ):
            bound = {node.id for node in walk(each.target) if isinstance(node, ast.Name)}
            for path, part in _summands_of(elt):
                if path[0] in bound:
                    yield from _elements_summed(each.iter)
                else:
                    yield path, part
        case ast.Call(func=ast.Attribute(attr="values" | "items", value=owner), args=[]):
            yield from _elements_summed(owner)
        case ast.Name() | ast.Attribute() | ast.Subscript():
            if found := path_of(summed):
                yield (*found, EACH), summed
