"""What a program itself asks about a value before it goes on: `if isinstance(x, torch.Tensor)`."""

import ast

from .names import Names
from .nodes import Function, path_of
from .syntax import Syntax

_TENSORS = {"torch.Tensor", "torch.FloatTensor", "torch.LongTensor", "torch.autograd.Variable"}


class Checks:
    """Answers what has been found out about a name on the way to a place."""

    def __init__(self, syntax: Syntax, names: Names) -> None:
        self._syntax = syntax
        self._names = names
        self._asked = self._all_asked()

    def says_tensor(self, node: ast.AST) -> bool:
        """Whether the way to this node leads through a check that it is a tensor."""
        path = path_of(node)
        if path is None or path not in self._asked:
            return False
        for child, parent in self._syntax.ancestors(node):
            match parent:
                case ast.If(test=test, body=body) if child in body:
                    if self._holds(test, path):
                        return True
                case ast.IfExp(test=test, body=body) if child is body:
                    if self._holds(test, path):
                        return True
                case ast.BoolOp(op=ast.And(), values=values) if child in values:
                    before = values[: values.index(child)]
                    if any(self._holds(value, path) for value in before):
                        return True
                case ast.DictComp(generators=parts) | ast.ListComp(generators=parts):
                    tests = (test for part in parts for test in part.ifs)
                    if any(self._holds(test, path) for test in tests):
                        return True
            if isinstance(parent, (Function, ast.Lambda)):
                return False
        return False

    def _all_asked(self) -> set[tuple[str, ...]]:
        asked = set()
        for call in self._syntax.calls_to("isinstance", "is_tensor"):
            if self._asks(call) and (path := path_of(call.args[0])):
                asked.add(path)
        return asked

    def _holds(self, test: ast.expr, path: tuple[str, ...]) -> bool:
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            return any(self._holds(value, path) for value in test.values)
        return isinstance(test, ast.Call) and self._asks(test) and path_of(test.args[0]) == path

    def _asks(self, call: ast.Call) -> bool:
        if self._names.of(call.func) == "torch.is_tensor" and len(call.args) == 1:
            return True
        if self._names.builtin(call.func) != "isinstance" or len(call.args) != 2:
            return False
        return self._names.of(call.args[1]) in _TENSORS
