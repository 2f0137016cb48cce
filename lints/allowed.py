"""Where a project lets the host wait for the device: under the managers that it names."""

import ast
from collections.abc import Set

from .names import Names
from .nodes import Function, dotted
from .regions import Regions
from .syntax import Syntax

# Through how many callers a function is followed to a body that allows its waits.
_DEEPEST = 4


class AllowedWaits:
    """Answers whether a wait stands under `with gpu_sync_allowed():`, itself or by its callers."""

    def __init__(self, syntax: Syntax, names: Names, regions: Regions, managers: Set[str]) -> None:
        self._syntax = syntax
        self._names = names
        self._regions = regions
        self._managers = managers

    def at(self, node: ast.AST, depth: int = _DEEPEST) -> bool:
        """Whether waiting is allowed here."""
        for child, parent in self._syntax.ancestors(node):
            match parent:
                case ast.With(items=items) | ast.AsyncWith(items=items) if child in parent.body:
                    if any(self._allows(item.context_expr) for item in items):
                        return True
                case ast.FunctionDef() | ast.AsyncFunctionDef() if child in parent.body:
                    if any(map(self._allows, parent.decorator_list)):
                        return True
                    return self._by_callers(parent, depth)
        return False

    def _by_callers(self, function: Function, depth: int) -> bool:
        """Whether all who call a function in every step allow its waits."""
        callers = [c for c in self._names.callers(function) if depth and self._regions.hot(c)]
        return bool(callers) and all(self.at(call, depth - 1) for call in callers)

    def _allows(self, manager: ast.expr) -> bool:
        """Whether this is one of the managers, by its name here, its last part, or its import."""
        called = manager.func if isinstance(manager, ast.Call) else manager
        name = dotted(called) or ""
        full = self._names.of(called) or name
        return not self._managers.isdisjoint({name, _last(name), full, _last(full)})


def _last(name: str) -> str:
    return name.rsplit(".", 1)[-1]
