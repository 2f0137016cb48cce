"""Loops that take a model's parameters one by one, and what they do to each."""

import ast
import re

from .bindings import Bindings, How
from .names import Names
from .nodes import OWN_TIME, Function, dotted, path_of, within
from .syntax import Syntax

_METHODS = {"parameters", "named_parameters", "trainable_parameters"}
_NAMES = re.compile(r"^(parameters|params|model_params|(trainable|ema|shadow|master)_params)$")
_WRAPPERS = {"zip", "list", "enumerate", "filter", "tuple", "reversed"}
# One small kernel each, where `torch._foreach_*` needs one for all parameters.
_IN_PLACE = {
    *("mul_", "add_", "sub_", "div_", "copy_", "clamp_", "clip_", "clamp_max_", "clamp_min_"),
    *("lerp_", "addcmul_", "addcdiv_", "sign_", "neg_", "sqrt_", "abs_", "pow_", "nan_to_num_"),
}
_PARTS = {"data", "grad"}
Each = ast.For | ast.comprehension


class Parameters:
    """Answers questions about loops over parameters."""

    def __init__(self, syntax: Syntax, names: Names, bindings: Bindings) -> None:
        self._syntax = syntax
        self._names = names
        self._bindings = bindings

    def over_parameters(self, node: ast.expr, depth: int = 3) -> bool:
        """Whether a loop over this takes the parameters of a model one by one."""
        match node:
            case ast.Call(func=ast.Attribute(attr=attr)) if attr in _METHODS:
                return True
            case ast.Call(func=ast.Name(id=name), args=args) if name in _WRAPPERS:
                return any(self.over_parameters(arg, depth) for arg in args)
            case ast.Subscript(slice=ast.Constant(value="params")):
                return True
            case ast.ListComp(generators=[ast.comprehension(iter=source), *_]):
                return self.over_parameters(source, depth)
            case ast.Name(id=name):
                sources = self._sources(node) if depth else []
                if sources:
                    return all(self.over_parameters(source, depth - 1) for source in sources)
                return bool(_NAMES.match(name))
            case ast.Attribute(attr=name):
                return bool(_NAMES.match(name))
        return False

    def loop(self, node: ast.AST) -> Each | None:
        """Return the innermost loop over parameters, of the same function, that holds a node."""
        for child, parent in self._syntax.ancestors(node):
            if isinstance(parent, ast.For) and child in parent.body:
                if self.over_parameters(parent.iter):
                    return parent
            elif isinstance(parent, ast.ListComp | ast.GeneratorExp | ast.SetComp):
                for each in parent.generators:
                    if child is not each and self.over_parameters(each.iter):
                        return each
            elif isinstance(parent, Function | ast.Lambda):
                return None
        return None

    def updates(self, loop: ast.For) -> list[ast.AST]:
        """Return what changes each parameter, or its gradient, in place by arithmetic."""
        targets = {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
        own = [statement for statement in loop.body if not isinstance(statement, OWN_TIME)]
        return [n for s in own for n in within(s) if self._is_update(n, targets)]

    def zeroes(self, call: ast.Call) -> bool:
        """Whether this is `p.grad.zero_()` on the parameter of a loop."""
        match call:
            case ast.Call(func=ast.Attribute(attr="zero_", value=value), args=[]):
                pass
            case ast.Call(
                func=ast.Attribute(attr="fill_", value=value), args=[ast.Constant(value=0)]
            ):
                pass
            case _:
                return False
        path = path_of(value) or ()
        loop = self.loop(call)
        if loop is None or ".grad" not in path:
            return False
        return any(isinstance(n, ast.Name) and n.id == path[0] for n in ast.walk(loop.target))

    def comes_from_each(self, node: ast.expr, loop: Each, depth: int = 3) -> bool:
        """Whether an expression is worked out of the parameter at hand: `p.grad.norm()`."""
        targets = {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
        for name in within(node):
            if not isinstance(name, ast.Name):
                continue
            if name.id in targets:
                return True
            if depth and any(
                self.comes_from_each(source, loop, depth - 1) for source in self._sources(name)
            ):
                return True
        return False

    def _is_update(self, node: ast.AST, targets: set[str]) -> bool:
        match node:
            case ast.Call(func=ast.Attribute(attr=attr, value=value)) if attr in _IN_PLACE:
                while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
                    value = value.func.value  # `p.mul_(a).add_(b)`
                return _is_of(value, targets)
            case ast.AugAssign(target=ast.Attribute() as target):
                return _is_of(target, targets)
            case ast.Assign(targets=[ast.Attribute(attr=attr) as target], value=value):
                return attr in _PARTS and _is_arithmetic(value) and _is_of(target, targets)
        return False

    def _sources(self, node: ast.Name) -> list[ast.expr]:
        found = self._bindings.reaching(node, (node.id,))
        sources = [b.source for b in found if b.how is How.ASSIGN and not b.at]
        return [source for source in sources if isinstance(source, ast.expr)]


def _is_of(node: ast.expr, targets: set[str]) -> bool:
    name = dotted(node)
    return name is not None and name.split(".")[0] in targets


def _is_arithmetic(value: ast.expr) -> bool:
    """Whether a value is worked out anew: `p.data = q` only passes another tensor on."""
    match value:
        case ast.Call(func=ast.Attribute(attr=attr)):
            return attr + "_" in _IN_PLACE
    return isinstance(value, ast.BinOp)
