"""Functions that, given numbers, make a tensor on the host of nothing else."""

import ast
import re
from collections.abc import Callable

from .constants import Constants
from .names import Names
from .nodes import Function, walk
from .syntax import Syntax
from .values import Device, Value

# How many functions call each other.
_DEEPEST = 3
_PLACES = re.compile(r"device|cuda|gpu|npu|xpu", re.IGNORECASE)
_COMPUTES = re.compile(
    r"^(torch\.(?!load|distributed|cuda|ops|hub|utils)|numpy\.(?!random|load|fromfile|memmap)|math\.)"
)
_BUILTINS = {
    *("abs", "bool", "enumerate", "float", "int", "isinstance", "len", "list", "max", "min", "pow"),
    *("print", "range", "reversed", "round", "sorted", "sum", "tuple", "zip", "ValueError", "dict"),
}
_ELSEWHERE = {"to", "type_as", "new", "new_tensor", "new_zeros", "new_ones", "pin_memory"}
_FROM_OUTSIDE = (ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Import, ast.ImportFrom)


class Closed:
    """Answers for the functions of a file; `makes` tells which calls make a new tensor."""

    def __init__(
        self,
        syntax: Syntax,
        names: Names,
        constants: Constants,
        makes: Callable[[ast.Call], bool],
        given_back: Callable[[Function], Value],
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._constants = constants
        self._makes = makes
        self._given_back = given_back
        self._known: dict[Function, bool] = {}
        self._closed: dict[tuple[Function, int], bool] = {}

    def makes_tensor(self, function: Function) -> bool:
        """Whether a function, given numbers, makes a tensor on the host of nothing else."""
        if function not in self._known:
            self._known[function] = False  # a function that calls itself ends here
            self._known[function] = self._makes_tensor(function)
        return self._known[function]

    def _makes_tensor(self, function: Function) -> bool:
        if not self._is_closed(function) or not self._has_factory(function):
            return False
        value = self._given_back(function)
        return value.is_tensor and value.device is not Device.ACCELERATOR

    def _is_closed(self, function: Function, depth: int = _DEEPEST) -> bool:
        """Whether a function computes with what it is given, and names no device."""
        key = function, depth
        if key not in self._closed:
            self._closed[key] = self._works_closed(function, depth)
        return self._closed[key]

    def _works_closed(self, function: Function, depth: int) -> bool:
        decorators = [each for each in function.decorator_list if not _is_static(each)]
        if decorators or not depth:
            return False
        return all(self._is_of_itself(node, function, depth) for node in walk(function))

    def _is_of_itself(self, node: ast.AST, function: Function, depth: int) -> bool:
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                named = self._names.definition(node)
                return named is not None or self._constants.holds(node)
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.arg(arg=name):
                return not _PLACES.search(name)
            case ast.keyword(arg=name):
                return name is None or not _PLACES.search(name)
            case ast.Call():
                return self._is_known(node, function, depth)
        return not isinstance(node, _FROM_OUTSIDE)

    def _is_known(self, call: ast.Call, function: Function, depth: int) -> bool:
        """Whether a call depends on nothing but what it is given."""
        if name := self._names.of(call.func):
            return bool(_COMPUTES.match(name))
        if builtin := self._names.builtin(call.func):
            return builtin in _BUILTINS
        defined = self._names.definition(call.func)
        if isinstance(defined, Function):
            return self._is_closed(defined, depth - 1)
        if not isinstance(call.func, ast.Attribute) or call.func.attr in _ELSEWHERE:
            return False
        owner: ast.AST = call.func
        while isinstance(owner, (ast.Attribute, ast.Subscript)):
            owner = owner.value
        local = isinstance(owner, ast.Name) and self._names.home(owner, owner.id) is function
        return local or not isinstance(owner, ast.Name)

    def _has_factory(self, function: Function) -> bool:
        for call in self._syntax.calls_in(function):
            defined = self._names.definition(call.func)
            if self._makes(call):
                return True
            if isinstance(defined, Function) and self.makes_tensor(defined):
                return True
        return False


def _is_static(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Name) and decorator.id in ("staticmethod", "classmethod")
