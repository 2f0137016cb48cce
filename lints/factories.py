"""Calls that make a new tensor, and what brings that tensor to the device afterwards."""

import ast
import re
from dataclasses import dataclass

from .bindings import Bindings, How
from .names import Names
from .nodes import dotted, keyword, path_of
from .syntax import Syntax
from .vocabulary import DTYPES

# These give the same bits wherever they run.
_EXACT = {"zeros", "ones", "empty", "full", "eye", "tensor"}
_ROUNDED = {"arange", "linspace", "logspace"}
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

    def __init__(self, syntax: Syntax, names: Names, bindings: Bindings) -> None:
        self._syntax = syntax
        self._names = names
        self._bindings = bindings
        self._elsewhere: bool | None = None

    def name(self, call: ast.Call) -> str | None:
        """Return `zeros` for `torch.zeros(...)` under whichever name; None for other calls."""
        return _NAMES.get(self._names.of(call.func) or "")

    def is_empty(self, call: ast.Call) -> bool:
        """Whether a factory makes a tensor without elements, of which nothing is copied."""
        name = self.name(call)
        return name is not None and _is_empty(call, name)

    def moved(self, call: ast.Call) -> Moved | None:
        """Return what `torch.zeros(n).cuda()` moves; None where the call moves nothing new."""
        if not isinstance(call.func, ast.Attribute):
            return None
        device: ast.expr | None = None
        like: ast.expr | None = None
        match call.func.attr:
            case "cuda":
                device = next(iter(call.args), None) or keyword(call, "device")
            case "to":
                device = keyword(call, "device") or next(iter(call.args), None)
                if device is None or not self.is_device(device):
                    return None
            case "type_as" if len(call.args) == 1 and path_of(call.args[0]):
                like = call.args[0]
            case _:
                return None
        return self._made(call.func.value, device, like)

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
        plain = [s for s in sources if isinstance(s, ast.Constant | ast.Call)]
        return bool(plain) and not any(self.is_device(source) for source in plain)

    def _made(self, node: ast.expr, device: ast.expr | None, like: ast.expr | None) -> Moved | None:
        exact = True
        filled = False
        while isinstance(node, ast.Call) and not self._makes(node):
            if self._names.of(node.func) in _VARIABLE and len(node.args) == 1:
                exact = exact and not node.keywords
                node = node.args[0]
                continue
            method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if method not in _BETWEEN and method not in _RANDOM_BETWEEN:
                return None
            # What asks for gradients before it moves is a leaf on the host.
            exact = exact and method in _BETWEEN and method != "requires_grad_"
            filled = filled or method.endswith("_")
            node = node.func.value  # type: ignore[attr-defined]
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


def _keywords(call: ast.Call) -> list[str]:
    return [k.arg for k in call.keywords if k.arg]


def _last(node: ast.AST) -> str:
    return (dotted(node) or "").rsplit(".", 1)[-1]
