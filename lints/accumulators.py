"""What lives longer than one step: sums and lists that a training loop adds to."""

import ast

from .bindings import Bindings, How, Path
from .names import Names
from .nodes import Function, dotted, path_of
from .regions import Regions
from .syntax import Syntax

_EMPTIES = {"clear", "pop", "popleft", "popitem", "remove", "zero_", "reset"}
# These bindings do not start anything anew within a step.
_KEEPING = (How.AUGMENT, How.PARAMETER)
# These read what they are given and keep nothing of it.
_READERS = ("torch.", "numpy.", "math.", "statistics.")


class Accumulators:
    """Answers what becomes of a name that a step adds to."""

    def __init__(self, syntax: Syntax, names: Names, regions: Regions, bindings: Bindings) -> None:
        self._syntax = syntax
        self._names = names
        self._regions = regions
        self._bindings = bindings

    def outlives_step(self, node: ast.expr) -> bool:
        """Whether what a step adds to this name is still there in the next step."""
        path = path_of(node)
        if path is None or self._is_bounded(node, path):
            return False
        around: ast.AST | None = self._regions.step_loop(node)
        if around is None:
            around = self._syntax.function(node)
            # A local name of a step function starts anew in each step.
            if around is None or path[0] not in ("self", "cls") or len(path) < 2:
                return False
        own = self._syntax.statement(node)
        for start in (path[:n] for n in range(1, len(path) + 1)):
            bound = self._bindings.everywhere(around, start)
            if any(b.site is not own and b.how not in _KEEPING for b in bound):
                return False
        return not self._is_emptied(around, path)

    def escapes(self, node: ast.expr) -> bool:
        """Whether others than the function around may get hold of what is added up."""
        path = path_of(node)
        if path is None or any(step.startswith(".") for step in path):
            return True  # whoever has the object has the sum
        scope = self._syntax.scope(node)
        if self._names.home(node, path[0]) is not scope:
            return True
        for name in ast.walk(scope):
            if isinstance(name, ast.Name) and name.id == path[0] and self._hands_on(name):
                return True
        return False

    def _hands_on(self, name: ast.Name) -> bool:
        if not isinstance(name.ctx, ast.Load):
            return False
        for child, parent in self._syntax.ancestors(name):
            match parent:
                case ast.Return() | ast.Yield() | ast.YieldFrom() | ast.Lambda():
                    return True
                case ast.Call(func=func) if child is not func and not self._only_reads(func):
                    return True
                case ast.Assign(targets=targets) if child is parent.value:
                    return any(not isinstance(target, ast.Name) for target in targets)
                case ast.stmt():
                    return isinstance(parent, Function)
        return False

    def _only_reads(self, func: ast.expr) -> bool:
        if self._names.builtin(func):
            return True
        return (self._names.of(func) or "").startswith(_READERS)

    def _is_bounded(self, node: ast.expr, path: Path) -> bool:
        """Whether this is a `deque`, which forgets."""
        scope = self._names.home(node, path[0]) or self._syntax.tree
        home = self._names.own_class(node)
        scopes = [scope, *(f for f in self._syntax.functions if home and f in home.body)]
        return any(
            isinstance(binding.source, ast.Call)
            and (dotted(binding.source.func) or "").endswith("deque")
            for each in scopes
            for binding in self._bindings.everywhere(each, path)
        )

    def _is_emptied(self, around: ast.AST, path: Path) -> bool:
        return any(
            isinstance(node, ast.Attribute)
            and node.attr in _EMPTIES
            and path_of(node.value) == path
            for node in ast.walk(around)
        )
