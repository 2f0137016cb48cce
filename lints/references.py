"""Which functions a piece of code may run, called or only named: of this file, and of others."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

from .callees import Callees
from .names import Names
from .nodes import Function
from .only import ANY, HEIRS
from .outside import LIBRARIES, Outside
from .syntax import Syntax

_REGISTERS = re.compile(r"register|hook|isinstance|callback|add_|subscribe|setattr|partial|wraps")


class References:
    """Answers for the calls of one file, overriding methods and other names included."""

    def __init__(self, syntax: Syntax, names: Names, callees: Callees, outside: Outside) -> None:
        self._syntax = syntax
        self._names = names
        self._callees = callees
        self._outside = outside

    def may_run(self, call: ast.Call) -> list[Function]:
        """Return the functions of this file that a call runs, overriding methods included."""
        own = self._callees.own(call)
        overriding = self._names.overriding(call)
        return overriding if own is None else [own, *overriding]

    def handed_on(self, scope: ast.AST) -> Iterator[ast.Attribute | ast.Name]:
        """Yield the functions of this file that a scope names for others to run.

        As in `map(self.f, xs)`, `[self.f, self.g]`, or `run = self.fast if fast else self.run`.
        """
        for node in self._naming.get(scope, ()):
            parent = self._syntax.parent(node)
            if isinstance(parent, ast.keyword):
                parent = self._syntax.parent(parent)
            if isinstance(parent, ast.Call):
                if parent.func is not node and not _registers(parent):
                    yield node
                continue
            table = isinstance(parent, ast.Dict) and self._is_called_from(parent, scope)
            if table or isinstance(parent, (ast.List, ast.IfExp)) or _gives_a_name(parent):
                yield node

    def _is_called_from(self, table: ast.Dict, scope: ast.AST) -> bool:
        """Whether a scope runs what it takes out of a table of functions: `table[name](x)`."""
        assigned = self._syntax.parent(table)
        if not isinstance(assigned, ast.Assign) or not _gives_a_name(assigned):
            return False
        names = {target.id for target in assigned.targets if isinstance(target, ast.Name)}
        called = (call.func for call in self._syntax.calls_in(scope))
        taken = (func.value for func in called if isinstance(func, ast.Subscript))
        return any(isinstance(each, ast.Name) and each.id in names for each in taken)

    @cached_property
    def _naming(self) -> dict[ast.AST, list[ast.Attribute | ast.Name]]:
        """Where functions are named and not called, by scope."""
        own = self._callees.own_names
        found: dict[ast.AST, list[ast.Attribute | ast.Name]] = defaultdict(list)
        for attribute in self._syntax.nodes(ast.Attribute):
            if attribute.attr in own and isinstance(attribute.ctx, ast.Load):
                found[self._syntax.scope(attribute)].append(attribute)
        for name in self._syntax.nodes(ast.Name):
            if name.id in own and isinstance(name.ctx, ast.Load):
                found[self._syntax.scope(name)].append(name)
        return found

    def outward(self, call: ast.Call) -> list[str]:
        """Return the full names of what a call may run that other files define."""
        return [*self._targets_of(call), *self._overridden(call)]

    def _overridden(self, call: ast.Call) -> Iterator[str]:
        """Yield the method of this class that `self.x()` runs, where other files override it."""
        func = call.func
        if not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Name):
            return
        home = self._names.own_class(call) if func.value.id == "self" else None
        if home is not None and self._outside.overridden(home.name, func.attr):
            yield f"{HEIRS}{home.name}.{func.attr}"

    def _targets_of(self, call: ast.Call) -> Iterable[str]:
        """Return the full names of what a call may run that other files define."""
        target = self._callees.of(call)
        if isinstance(target, str):
            return [] if target.startswith(LIBRARIES) else [target]
        if target is not None:
            return []
        name = self._telling_name(call)
        return self._callees.alternatives(call) if name is None else [f"{ANY}{name}"]

    def _telling_name(self, call: ast.Call) -> str | None:
        """Return the method that a call of an unknown object runs, where its name alone tells."""
        if not isinstance(call.func, ast.Attribute) or call.func.attr in self._callees.own_names:
            return None
        if isinstance(call.func.value, ast.Name) and call.func.value.id in ("self", "cls"):
            return None
        return call.func.attr if self._outside.is_telling(call.func.attr) else None


def _gives_a_name(parent: ast.AST | None) -> bool:
    """Whether this is `run = self.fast`; what an attribute is given, it keeps for later."""
    return isinstance(parent, ast.Assign) and all(
        isinstance(target, ast.Name) for target in parent.targets
    )


def _registers(call: ast.Call) -> bool:
    """Whether a call keeps a function for later, rather than running it now."""
    last = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return bool(_REGISTERS.search(last))
