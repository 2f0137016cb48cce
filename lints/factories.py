"""Calls that make a new tensor, and what brings that tensor to the device afterwards."""

import ast
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

from .bindings import Bindings, How
from .names import Names
from .nodes import dotted, keyword, path_of, walk
from .syntax import Syntax
from .values import Kind, Value
from .vocabulary import DTYPES, OPERATIONS, TUPLES

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
_VARIABLE = ("torch.autograd.Variable", "torch.autograd.variable.Variable")
# These may stand between the factory and the move, and do the same on any device.
_BETWEEN = {
    *("float", "double", "half", "bfloat16", "long", "int", "bool", "byte", "view", "reshape"),
    *("unsqueeze", "squeeze", "flatten", "expand", "repeat", "transpose", "permute", "t"),
    *("contiguous", "fill_", "zero_", "tril", "triu", "tril_", "triu_", "requires_grad_"),
}
_RANDOM_BETWEEN = {"uniform_", "normal_", "random_", "bernoulli_", "exponential_", "log_normal_"}
_DEFAULTS = {"torch.set_default_device", "torch.set_default_tensor_type"}
_DEVICE_NAME = re.compile(r"(^|_)(device|dev|gpu|cuda|rank|gpu_?id|dev_?id)(_?\d+)?$", re.I)
_INTEGERS = re.compile(r"(^|\.)(u?int\d*|long|short)$")


@dataclass(frozen=True, slots=True)
class Moved:
    """A tensor that a factory makes on the host and a call then copies to `device`.

    `device` is None for `.cuda()`; `like` is the tensor whose device it goes to in `.type_as(x)`.
    `exact` says that the factory gives the same bits on the device, `fixable` that it can be told
    which one.
    """

    factory: ast.Call
    name: str
    device: ast.expr | None
    like: ast.expr | None
    exact: bool
    fixable: bool = True


class Factories:
    """Answers whether a call moves a tensor that was just made."""

    def __init__(
        self, syntax: Syntax, names: Names, bindings: Bindings, value: Callable[[ast.AST], Value]
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._bindings = bindings
        self._value = value
        self._elsewhere: bool | None = None
        self._later: dict[ast.Call, Moved] | None = None
        self._loads: dict[ast.AST, dict[str, list[ast.Name]]] = {}

    def name(self, call: ast.Call) -> str | None:
        """Return `zeros` for `torch.zeros(...)` under whichever name; None for other calls."""
        return _NAMES.get(self._names.of(call.func) or "")

    def is_device_type(self, call: ast.Call) -> bool:
        """Whether this calls `Tensor`, of `Tensor = torch.cuda.FloatTensor if cuda else ...`."""
        return is_device_type(self._syntax, self._names, call.func)

    def is_empty(self, call: ast.Call) -> bool:
        """Whether a factory makes a tensor without elements, of which nothing is copied."""
        name = self.name(call)
        return name is not None and _is_empty(call, name)

    def moved(self, call: ast.Call, source: ast.expr | None = None) -> Moved | None:
        """Return what `torch.zeros(n).cuda()` moves; None where the call moves nothing new.

        `source` stands in for what is moved, where that is a name.
        """
        if not isinstance(call.func, ast.Attribute):
            return None
        device: ast.expr | None = None
        like: ast.expr | None = None
        match call.func.attr:
            case "cuda":
                device = next(iter(call.args), None) or keyword(call, "device")
            case "to":
                target = keyword(call, "device") or next(iter(call.args), None)
                if target is None:
                    return None
                if self.is_device(target):
                    device = target
                elif self._is_tensor_there(target):
                    like = target
                else:
                    return None
            case "type_as" if len(call.args) == 1 and path_of(call.args[0]):
                like = call.args[0]
            case _:
                return None
        return self._made(source or call.func.value, device, like)

    def moved_later(self, factory: ast.Call) -> Moved | None:
        """Return how `x = torch.zeros(n)` is moved by a statement that reads `x` first: `x.cuda()`.

        None where something else is done with it on the host before.
        """
        if self._later is None:
            self._later = {}
            for move in self._syntax.calls_to("cuda", "to", "type_as"):
                if made := self._moved_by_name(move):
                    self._later.setdefault(made.factory, made)
        return self._later.get(factory)

    def _moved_by_name(self, move: ast.Call) -> Moved | None:
        owner = move.func.value if isinstance(move.func, ast.Attribute) else None
        while isinstance(owner, ast.Call) and isinstance(owner.func, ast.Attribute):
            if owner.func.attr not in _BETWEEN:
                return None
            owner = owner.func.value
        if not isinstance(owner, ast.Name):
            return None
        found = self._bindings.reaching(owner, (owner.id,))
        if len(found) != 1 or found[0].how is not How.ASSIGN or found[0].at:
            return None
        source = found[0].source
        if not isinstance(source, ast.expr) or not self._is_read_first(owner, source):
            return None
        moved = self.moved(move, source)
        return replace(moved, fixable=False) if moved else None

    def _is_read_first(self, owner: ast.Name, source: ast.AST) -> bool:
        """Whether nothing reads a name between its binding and this place, on whatever way."""
        scope = self._syntax.scope(owner)
        home = self._syntax.statement(source)
        if home is None or scope is not self._syntax.scope(source):
            return False
        loads = self._loads_in(scope)[owner.id]
        after = bisect_right(loads, home.end_lineno or home.lineno, key=lambda load: load.lineno)
        return after < len(loads) and loads[after] is owner

    def _loads_in(self, scope: ast.AST) -> dict[str, list[ast.Name]]:
        """Return by name what reads names in a scope and below, in the order of the text."""
        if scope not in self._loads:
            by_name: dict[str, list[ast.Name]] = defaultdict(list)
            for node in walk(scope):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    by_name[node.id].append(node)
            for loads in by_name.values():
                loads.sort(key=lambda load: (load.lineno, load.col_offset))
            self._loads[scope] = by_name
        return self._loads[scope]

    def _is_tensor_there(self, node: ast.expr) -> bool:
        """Whether `.to(x)` goes where a tensor is, and that is not the host for certain."""
        if not path_of(node) or self._names.of(node) or _DEVICE_NAME.search(_last(node)):
            return False
        value = self._value(node)
        return value.holds_device_tensors and value.kind in (Kind.TENSOR, Kind.NEST, Kind.UNKNOWN)

    def is_device(self, node: ast.expr) -> bool:
        """Whether an expression is a device other than the host."""
        match node:
            case ast.Constant(value=str() as text):
                return not text.startswith(("cpu", "meta"))
            case ast.Constant(value=value):
                return isinstance(value, int) and not isinstance(value, bool)
            case ast.Call(func=func, args=[first, *_]) if self._names.of(func) == "torch.device":
                return self.is_device(first) or not isinstance(first, ast.Constant)
            case ast.Call(func=func, args=[], keywords=[]):
                return bool(_DEVICE_NAME.search(_last(func)))
            case ast.Name() | ast.Attribute():
                if self._names.of(node) in DTYPES or not _DEVICE_NAME.search(_last(node)):
                    return False
                return not self._is_host(node)
        return False

    def _is_host(self, node: ast.expr) -> bool:
        path = path_of(node)
        found = self._bindings.reaching(node, path) if path else []
        if not found and path and (home := self._names.home(node, path[0])):
            found = self._bindings.everywhere(home, path)
        sources = [b.source for b in found if b.how is How.ASSIGN and b.path == path]
        plain = [s for s in sources if isinstance(s, (ast.Constant, ast.Call))]
        return bool(plain) and not any(self.is_device(source) for source in plain)

    def _made(self, node: ast.expr, device: ast.expr | None, like: ast.expr | None) -> Moved | None:
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
            if method not in _BETWEEN and method not in _RANDOM_BETWEEN:
                return None
            # What asks for gradients before it moves is a leaf on the host.
            exact = exact and method in _BETWEEN and method != "requires_grad_"
            filled = filled or method.endswith("_")
            node = node.func.value  # type: ignore[attr-defined]
        if composed := self._composed(node):
            return Moved(*composed, device, like, exact=False, fixable=False)
        if not isinstance(node, ast.Call):
            return None
        if self._names.of(node.func) in _OLD:
            return self._of_old(node, device, like, filled=filled)
        if not (name := self.name(node)):
            return None
        if _is_empty(node, name):
            return None  # there is nothing to copy
        given = {k.arg for k in node.keywords}
        # Who names a device, pins, draws from a generator or passes `**options` knows why.
        if given & {"device", "pin_memory", "generator", "out", None} or self._default_is_moved:
            return None
        exact = exact and "requires_grad" not in given and self._is_exact(node, name)
        return Moved(node, name, device, like, exact)

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
        found: list[tuple[ast.Call, str]] = []
        for part in parts:
            if new := self._new(part, depth):
                found.append(new)
            elif self._value(part).kind is not Kind.PLAIN and not self._is_number(part):
                return None
        return found[0] if found else None

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
        if inner is None or method not in _BETWEEN | _RANDOM_BETWEEN:
            return None
        return self._new(inner, depth)

    def _makes(self, call: ast.Call) -> bool:
        return self.name(call) is not None or self._names.of(call.func) in _OLD

    def _of_old(
        self, call: ast.Call, device: ast.expr | None, like: ast.expr | None, *, filled: bool
    ) -> Moved | None:
        """Take in an old constructor that is given sizes; data has to come from the host."""
        if len(call.args) < 2 and not filled:
            return None
        name = (self._names.of(call.func) or "").rsplit(".", 1)[-1]
        return Moved(call, name, device, like, exact=False, fixable=False)

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


def is_device_type(syntax: Syntax, names: Names, name: ast.AST) -> bool:
    """Whether a name is bound once, to a type of tensors that lie on the GPU where there is one."""
    if not isinstance(name, ast.Name) or not name.id.endswith("Tensor"):
        return False
    bound = names.stores(name)
    holder = syntax.parent(bound[0]) if len(bound) == 1 else None
    if not isinstance(holder, ast.Assign) or not isinstance(holder.value, ast.IfExp):
        return False
    sides = (names.of(side) or "" for side in (holder.value.body, holder.value.orelse))
    return any(side.startswith("torch.cuda.") and side.endswith("Tensor") for side in sides)


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


def _last(node: ast.AST) -> str:
    return (dotted(node) or "").rsplit(".", 1)[-1]
