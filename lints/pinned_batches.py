"""Classes of batches that say how a loader pins them: by a method `pin_memory` of their own."""

import ast

from .bindings import Bindings, How
from .names import Names
from .nodes import Function
from .syntax import Syntax

# How many names are followed back to an attribute.
_DEEPEST = 4


class PinnedBatches:
    """Answers whether a batch copies what its class lets loaders pin."""

    def __init__(self, syntax: Syntax, names: Names, bindings: Bindings) -> None:
        self._syntax = syntax
        self._names = names
        self._bindings = bindings
        self._pinned: dict[ast.ClassDef, set[str]] = {}

    def copies(self, copy: ast.Call) -> bool:
        """Whether `self.x.to(device)` stands in a class whose `pin_memory` pins `self.x`."""
        function = self._syntax.function(copy)
        home = self._names.own_class(copy)
        if home is None or function is None or function.name in ("pin_memory", "__init__"):
            return False
        owner = copy.func.value if isinstance(copy.func, ast.Attribute) else None
        attribute = self._attribute_of(owner) if owner else None
        return attribute is not None and attribute in self._pinned_by(home)

    def _pinned_by(self, home: ast.ClassDef) -> set[str]:
        """Return the attributes that the `pin_memory` of a class pins."""
        if home not in self._pinned:
            pins = self._names.method(home, "pin_memory")
            found = self._of_method(pins) if pins else set()
            self._pinned[home] = found
        return self._pinned[home]

    def _of_method(self, pins: Function) -> set[str]:
        calls = [call for call in self._syntax.calls_in(pins) if not call.args]
        owners = [
            call.func.value
            for call in calls
            if isinstance(call.func, ast.Attribute) and call.func.attr == "pin_memory"
        ]
        return {name for owner in owners if (name := self._attribute_of(owner))}

    def _attribute_of(self, node: ast.AST | None, depth: int = _DEEPEST) -> str | None:
        """Return which attribute of `self` an expression is, or is an element of."""
        if not depth:
            return None
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return name
            case ast.Subscript(value=owner) | ast.Attribute(value=owner):
                return self._attribute_of(owner, depth)
            case ast.Call(func=ast.Attribute(value=owner, attr="items" | "values"), args=[]):
                return self._attribute_of(owner, depth)
            case ast.Call(func=ast.Name(id="enumerate"), args=[inner]):
                return self._attribute_of(inner, depth)
            case ast.Name():
                return self._attribute_behind(node, depth - 1)
        return None

    def _attribute_behind(self, node: ast.Name, depth: int) -> str | None:
        """Return which attribute a name is bound to, or goes over the elements of."""
        found = self._bindings.reaching(node, (node.id,))
        sources = [b.source for b in found if b.how in (How.ASSIGN, How.ITEM) and b.source]
        names = {self._attribute_of(source, depth) for source in sources}
        return names.pop() if len(names) == 1 and len(sources) == len(found) else None
