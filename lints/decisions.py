"""What Python takes the truth of, and which of that asks whether numbers are finite."""

import ast
from collections.abc import Collection, Iterator
from functools import cached_property

from .dataflow import Dataflow
from .names import Names
from .nodes import dotted
from .syntax import Syntax
from .values import Value

_FINITE = ("isnan", "isinf", "isfinite")
# These leave a check for finite numbers what it is.
_REDUCE = {"any", "all", "sum", "max", "min", "detach", "float", "int", "bool", "long"}


class Decisions:
    """Answers questions about `if x:`, `assert x`, `not x`, `x and y`."""

    def __init__(self, syntax: Syntax, names: Names, dataflow: Dataflow) -> None:
        self._syntax = syntax
        self._names = names
        self._dataflow = dataflow

    @cached_property
    def tested(self) -> Collection[ast.expr]:
        """The expressions that Python takes the truth of, without those it does so in parts."""
        # A set of nodes has another order in each run.
        found: dict[ast.expr, None] = {}
        nodes = self._syntax.nodes
        tests = [node.test for node in nodes(ast.If)]
        tests += [node.test for node in nodes(ast.While)]
        tests += [node.test for node in nodes(ast.IfExp)]
        tests += [node.test for node in nodes(ast.Assert)]
        # The last one is only handed on: whether it is tested is up to what is around.
        tests += [value for node in nodes(ast.BoolOp) for value in node.values[:-1]]
        tests += [n.operand for n in nodes(ast.UnaryOp) if isinstance(n.op, ast.Not)]
        tests += [test for node in nodes(ast.comprehension) for test in node.ifs]
        found.update(dict.fromkeys(part for test in tests for part in _parts(test)))
        for call in self._syntax.calls_to("any", "all"):
            match call.args:
                case [ast.GeneratorExp(elt=each) | ast.ListComp(elt=each)] if self._names.builtin(
                    call.func
                ):
                    found.update(dict.fromkeys(_parts(each)))
        return found.keys()

    def is_finite_check(self, tested: ast.expr) -> bool:
        """Whether a condition asks whether the numbers of a tensor are finite."""
        return next(_finite_calls(tested), None) is not None

    def finite_check(self, call: ast.Call) -> Value | None:
        """Return the tensor on the device by whose finite numbers Python takes a decision here."""
        name = self._names.of(call.func) or ""
        if name.startswith("math.") and name.removeprefix("math.") in _FINITE:
            value = self._dataflow.value(call.args[0]) if call.args else None
        else:
            value = self._dataflow.value(call) if call in self._decisive else None
        return value if value is not None and value.is_device_tensor else None

    @cached_property
    def _decisive(self) -> frozenset[ast.Call]:
        """The first check of each statement: those beside it wait no longer."""
        firsts: dict[ast.stmt | None, ast.Call] = {}
        for call in self._syntax.calls_to(*_FINITE):
            statement = self._syntax.statement(call)
            if call in self._checks and statement not in firsts:
                firsts[statement] = call
        return frozenset(firsts.values())

    @cached_property
    def _checks(self) -> frozenset[ast.Call]:
        return frozenset(call for tested in self.tested for call in _finite_calls(tested))


def _parts(test: ast.expr) -> Iterator[ast.expr]:
    match test:
        case ast.BoolOp(values=values):
            for value in values:
                yield from _parts(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _parts(operand)
        case _:
            yield test


def _finite_calls(tested: ast.expr) -> Iterator[ast.Call]:
    match tested:
        case ast.Call(func=func, args=args):
            name = (dotted(func) or "").rsplit(".", 1)[-1]
            name = func.attr if isinstance(func, ast.Attribute) else name
            if name in _FINITE:
                yield tested
            elif name in _REDUCE:
                owner = [func.value] if isinstance(func, ast.Attribute) else []
                for part in (*owner, *args):
                    yield from _finite_calls(part)
        case ast.Compare(left=left, comparators=others):
            for part in (left, *others):
                yield from _finite_calls(part)
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Add(), right=right):
            yield from _finite_calls(left)
            yield from _finite_calls(right)
        case ast.UnaryOp(operand=operand):
            yield from _finite_calls(operand)
        case ast.NamedExpr(value=value):
            yield from _finite_calls(value)
