"""What makes a new tensor on the host: factories, old constructors, functions of numbers."""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from .bindings import Bindings, How
from .closed import Closed
from .constants import Constants
from .names import Names
from .nodes import Function, dotted, keyword, walk
from .syntax import Syntax
from .values import Device, Kind, Value
from .vocabulary import OPERATIONS, TUPLES

# These give the same bits wherever they run.
_EXACT = {"zeros", "ones", "empty", "full", "eye", "tensor"}
_ROUNDED = {"arange", "linspace", "logspace", "range"}
_RANDOM = {"rand", "randn", "randint", "randperm", "normal"}
_NAMES = {f"torch.{name}": name for name in _EXACT | _ROUNDED | _RANDOM}
# The old constructors take sizes or data, and no device.
_OLD = {
    *("torch.Tensor", "torch.FloatTensor", "torch.DoubleTensor", "torch.HalfTensor"),
    *("torch.LongTensor", "torch.IntTensor", "torch.ByteTensor", "torch.BoolTensor"),
}
# These take an array as it is.
_OF_ARRAYS = {"torch.from_numpy", "torch.as_tensor"}
_ARRAYS = {f"numpy.{name}" for name in ("arange", "zeros", "ones", "full", "eye", "linspace")}
_VARIABLE = ("torch.autograd.Variable", "torch.autograd.variable.Variable")
# These may stand between the factory and the move, and do the same on any device.
BETWEEN = {
    *("float", "double", "half", "bfloat16", "long", "int", "bool", "byte", "view", "reshape"),
    *("unsqueeze", "squeeze", "flatten", "expand", "repeat", "transpose", "permute", "t"),
    *("contiguous", "fill_", "zero_", "tril", "triu", "tril_", "triu_", "requires_grad_"),
    *("detach", "clone"),
}
_RANDOM_BETWEEN = {"uniform_", "normal_", "random_", "bernoulli_", "exponential_", "log_normal_"}
_DEFAULTS = {"torch.set_default_device", "torch.set_default_tensor_type"}
_INTEGERS = re.compile(r"(^|\.)(u?int\d*|long|short)$")


@dataclass(frozen=True, slots=True)
class Made:
    """What makes a tensor on the host of numbers: by its `name`, as people read it.

    `exact` says that it gives the same bits on the device, `fixable` that it can be told to make
    its tensor there, `direct` that it is a factory which is not given any data, and `kept` that it
    is an attribute of a module, made once.
    """

    factory: ast.expr
    name: str
    exact: bool = False
    fixable: bool = False
    direct: bool = True
    kept: bool = False


class NewTensors:
    """Answers which expressions are tensors that were made, on the host, of nothing but numbers."""

    def __init__(
        self,
        syntax: Syntax,
        names: Names,
        bindings: Bindings,
        value: Callable[[ast.AST], Value],
        given_back: Callable[[Function], Value],
        is_module: Callable[[ast.ClassDef], bool],
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._bindings = bindings
        self._value = value
        self._constants = Constants(syntax, names, bindings, is_module)
        self._closed = Closed(syntax, names, self._constants, self._makes_at_all, given_back)
        self._elsewhere: bool | None = None

    def name(self, call: ast.Call) -> str | None:
        """Return `zeros` for `torch.zeros(...)` under whichever name; None for other calls."""
        return _NAMES.get(self._names.of(call.func) or "")

    def is_empty(self, call: ast.Call) -> bool:
        """Whether a factory makes a tensor without elements, of which nothing is copied."""
        name = self.name(call)
        return name is not None and _is_empty(call, name)

    def by_function(self, function: Function) -> bool:
        """Whether a function, given numbers, makes a tensor on the host of nothing else."""
        return not self._default_is_moved and self._closed.makes_tensor(function)

    def made(self, node: ast.expr, *, follow: bool = False) -> Made | None:
        """Return what makes the tensor that an expression is, where it holds nothing else.

        `follow` says to look behind a name that is used for nothing else.
        """
        exact = True
        filled = False
        while isinstance(node, ast.Call) and not self._makes(node):
            if self._names.of(node.func) in _VARIABLE and len(node.args) == 1:
                exact = exact and not node.keywords
                node = node.args[0]
                continue
            if self._composed(node):
                break
            method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if method not in BETWEEN and method not in _RANDOM_BETWEEN:
                return self._of_function(node)
            # What asks for gradients before it moves is a leaf on the host.
            exact = exact and method in BETWEEN and method != "requires_grad_"
            filled = filled or method.endswith("_")
            node = node.func.value  # type: ignore[attr-defined]
        if composed := self._composed(node):
            return Made(composed[0], f"torch.{composed[1]}")
        match node:
            case ast.Call():
                return self._by_torch(node, exact=exact, filled=filled)
            case ast.Attribute() | ast.Subscript():
                return self._of_attribute(node)
            case ast.Name() if follow and (source := self._only_used_here(node)):
                made = self.made(source, follow=True)
                return replace(made, fixable=False, direct=False) if made else None
        return None

    def _only_used_here(self, node: ast.Name) -> ast.expr | None:
        """Return what a name of a function is bound to, where that is all that is done with it."""
        function = self._syntax.function(node)
        bound = self._names.stores(node)
        holder = self._syntax.parent(bound[0]) if len(bound) == 1 else None
        if function is None or not isinstance(holder, ast.Assign) or bound[0] not in holder.targets:
            return None
        reads = [each for each in walk(function) if isinstance(each, ast.Name)]
        uses = [each for each in reads if each.id == node.id and each not in bound]
        return holder.value if uses == [node] else None

    def _of_attribute(self, node: ast.Attribute | ast.Subscript) -> Made | None:
        """Take in `self.grid` of a module, or a part of it: a tensor, but no buffer."""
        owner: ast.expr = node
        while isinstance(owner, ast.Subscript):
            owner = owner.value
        if not isinstance(owner, ast.Attribute) or self._default_is_moved:
            return None
        value = self._value(owner)
        on_host = value.is_tensor and value.device is Device.HOST and not value.batch
        if not on_host or not self._constants.is_set_once(owner):
            return None
        return Made(owner, dotted(owner) or "", direct=False, kept=True)

    def _by_torch(self, call: ast.Call, *, exact: bool, filled: bool) -> Made | None:
        if self._default_is_moved:
            return None
        if self._names.of(call.func) in _OLD | _OF_ARRAYS:
            return self._of_data(call, filled=filled)
        if not (name := self.name(call)) or _is_empty(call, name):
            return None  # of what is empty there is nothing to copy
        given = {k.arg for k in call.keywords}
        # Who names a device, pins, draws from a generator or passes `**options` knows why.
        if given & {"device", "pin_memory", "generator", "out", None}:
            return None
        exact = exact and "requires_grad" not in given and self._is_exact(call, name)
        return Made(call, f"torch.{name}", exact, fixable=True)

    def _of_data(self, call: ast.Call, *, filled: bool) -> Made | None:
        """Take in old constructors that are given sizes, numbers, or what is always the same."""
        name = self._names.of(call.func) or ""
        if _is_empty(call, "tensor"):
            return None
        if name in _OLD and (filled or len(call.args) > 1):
            return Made(call, name)
        match call:
            case ast.Call(args=[given], keywords=[]) if self._is_of_numbers(given, name):
                return Made(call, name, direct=False)
        return None

    def _is_of_numbers(self, given: ast.expr, name: str) -> bool:
        """Whether data is a list of numbers of Python, an array of such, or always the same."""
        if isinstance(given, ast.Call) and self._names.of(given.func) in _ARRAYS:
            return all(self._value(arg).kind is Kind.PLAIN for arg in given.args)
        if self._constants.holds(given):
            return name in _OLD or not isinstance(given, ast.Constant)
        value = self._value(given)
        listed = isinstance(given, (ast.List, ast.ListComp)) or bool(value.parts)
        return name in _OLD and value.kind is Kind.PLAIN and listed

    def _of_function(self, call: ast.Call) -> Made | None:
        """Take in a function of the project that makes a tensor of the numbers it is given."""
        defined = self._names.definition(call.func)
        name = self._names.of(call.func)
        own = isinstance(defined, Function)
        if not own and (name is None or not self._names.outside.defines(name)):
            return None  # before asking what its arguments hold, which takes long
        given = [*call.args, *(k.value for k in call.keywords)]
        if not all(self._is_plain(each) for each in given) or self._default_is_moved:
            return None
        if isinstance(defined, Function):
            makes = self._closed.makes_tensor(defined)
        else:
            makes = name is not None and self._names.outside.makes_tensor(name)
        return (
            Made(call, (dotted(call.func) or "").rpartition(".")[2], direct=False)
            if makes
            else None
        )

    def _is_plain(self, given: ast.expr) -> bool:
        inner = given.value if isinstance(given, ast.Starred) else given
        return self._value(inner).kind is Kind.PLAIN or self._constants.holds(inner)

    def _makes_at_all(self, call: ast.Call) -> bool:
        return self._makes(call) and not self.is_empty(call)

    def _composed(self, node: ast.expr, depth: int = 4) -> tuple[ast.Call, str] | None:
        """Return the first factory of an expression that is made of nothing but new tensors."""
        if not depth:
            return None
        match node:
            case ast.BinOp(left=left, right=right):
                return self._all_new([left, right], depth - 1)
            case ast.Call(func=func, args=args):
                head, _, last = (self._names.of(func) or "").rpartition(".")
                if head == "torch" and last in OPERATIONS | TUPLES and last not in _NAMES:
                    return self._all_new(_elements(args), depth - 1)
        return None

    def _all_new(self, parts: list[ast.expr], depth: int) -> tuple[ast.Call, str] | None:
        """Return a factory among parts that are all new tensors or plain numbers."""
        new = [self._new(part, depth) for part in parts]
        found = [each for each in new if each]
        if not found:
            return None  # before asking what the parts hold, which takes long
        rest = (part for part, each in zip(parts, new, strict=True) if not each)
        plain = (self._value(part).kind is Kind.PLAIN or self._is_number(part) for part in rest)
        return found[0] if all(plain) else None

    def _is_number(self, node: ast.expr, depth: int = 4) -> bool:
        """Whether this is computed from a number of Python, as `math.log(n) / half` is."""
        if not depth:
            return False
        match node:
            case ast.BinOp(left=left, right=right):
                return any(self._is_number(side, depth - 1) for side in (left, right))
            case ast.UnaryOp(operand=operand):
                return self._is_number(operand, depth - 1)
            case ast.Call(func=func):
                return (self._names.of(func) or "").startswith("math.")
            case ast.Name(id=name):
                found = self._bindings.reaching(node, (name,))
                sources = [b.source for b in found if b.how is How.ASSIGN and not b.at]
                numbers = [s for s in sources if isinstance(s, ast.expr)]
                return (
                    bool(found)
                    and len(numbers) == len(found)
                    and all(self._is_number(source, depth - 1) for source in numbers)
                )
        return False

    def _new(self, node: ast.expr, depth: int) -> tuple[ast.Call, str] | None:
        if composed := self._composed(node, depth):
            return composed
        if not isinstance(node, ast.Call):
            return None
        if name := self.name(node):
            given = {k.arg for k in node.keywords}
            special = given & {"device", "pin_memory", "generator", "out", None}
            return None if special or self._default_is_moved else (node, name)
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        inner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if inner is None or method not in BETWEEN | _RANDOM_BETWEEN:
            return None
        return self._new(inner, depth)

    def _makes(self, call: ast.Call) -> bool:
        return self.name(call) is not None or self._names.of(call.func) in _OLD | _OF_ARRAYS

    def _is_exact(self, factory: ast.Call, name: str) -> bool:
        if name in _EXACT:
            return True
        if name != "arange":
            return False
        dtype = keyword(factory, "dtype")
        if dtype is not None and _INTEGERS.search(dotted(dtype) or ""):
            return True
        # From 0 by 1 is exact; with a fractional start or step, devices round differently.
        whole = all(isinstance(a, ast.Constant) and isinstance(a.value, int) for a in factory.args)
        return whole or (len(factory.args) == 1 and not (set(_keywords(factory)) - {"dtype"}))

    @property
    def _default_is_moved(self) -> bool:
        """Whether the file lets factories make their tensors on the device as it is."""
        if self._elsewhere is None:
            calls = self._syntax.calls
            self._elsewhere = any(self._names.of(call.func) in _DEFAULTS for call in calls)
        return self._elsewhere


def _is_empty(factory: ast.Call, name: str) -> bool:
    """Whether a factory is asked for no elements: `torch.empty(0)`, `torch.tensor([])`."""
    match factory.args[:1]:
        case [ast.List(elts=[])]:
            return True
        case [ast.List(elts=sizes) | ast.Tuple(elts=sizes)] if name != "tensor":
            return any(isinstance(size, ast.Constant) and size.value == 0 for size in sizes)
        case [ast.Constant(value=0)]:
            return name in ("empty", "zeros", "ones", "rand", "randn")
    return False


def _elements(args: list[ast.expr]) -> list[ast.expr]:
    """Return the arguments of a call, lists taken apart: of `cat([a, b], 0)`, `a`, `b` and `0`."""
    taken = (arg.elts if isinstance(arg, (ast.List, ast.Tuple)) else [arg] for arg in args)
    return [part for parts in taken for part in parts]


def _keywords(call: ast.Call) -> list[str]:
    return [k.arg for k in call.keywords if k.arg]
