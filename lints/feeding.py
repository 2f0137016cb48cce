"""Which names a loss is made of: all that flows into what a backward pass is run on."""

import ast
from collections import defaultdict
from collections.abc import Iterator

from .bindings import Path
from .markers import backward_receivers
from .names import Names
from .syntax import Syntax, path_of

Key = tuple[ast.AST, Path]


class Feeding:
    """Follows assignments backwards from each backward pass, whatever their order in the text."""

    def __init__(self, syntax: Syntax, names: Names) -> None:
        self._syntax = syntax
        self._names = names
        self._backward: dict[Key, list[ast.expr]] = defaultdict(list)
        for call in syntax.calls:
            for receiver in backward_receivers(call):
                if path_of(receiver):
                    self._backward[self._key(receiver)].append(receiver)
        self._feeding: set[Key] | None = None

    def receivers(self, node: ast.AST, path: Path) -> list[ast.expr]:
        """Return where the backward pass of a path is run."""
        return self._backward.get((self.home(node, path), path), [])

    def feeds_backward(self, node: ast.AST) -> bool:
        """Whether a name goes into a loss whose backward pass is run, however indirectly."""
        path = path_of(node)
        if path is None:
            return False
        # What goes in as a whole goes in with each of its parts; but `self` is in everything.
        first = 2 if path[0] in ("self", "cls") else 1
        starts = [path[:n] for n in range(first, len(path) + 1)]
        feeders, home = self._feeders(), self.home(node, path)
        if any((home, start) in feeders for start in starts):
            return True
        return any(scope is home and fed[: len(path)] == path for scope, fed in feeders)

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
            self._feeding = set(self._backward)
            into: dict[Key, set[Key]] = defaultdict(set)
            for statement in ast.walk(self._syntax.tree):
                for target, source in _flows(statement):
                    into[self._key(target)] |= {self._key(part) for part in _read_by(source)}
            todo = list(self._feeding)
            while todo:
                for key in into.get(todo.pop(), ()):
                    if key not in self._feeding:
                        self._feeding.add(key)
                        todo.append(key)
        return self._feeding


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
            stack.extend(ast.iter_child_nodes(node))
