"""Calls in which all processes of a run take part, and what they exchange."""

import ast
import re
from enum import Enum

from .bindings import Bindings, How
from .factories import Factories
from .feeding import Feeding
from .names import Names
from .nodes import Function, dotted, keyword, path_of
from .syntax import Syntax

_DIST = ("torch.distributed.", "horovod.torch.")
_TENSORS = {
    *("all_reduce", "reduce", "all_gather", "gather", "all_gather_into_tensor"),
    *("gather_for_metrics", "allreduce", "allgather"),
}
_OBJECTS = {
    *("all_gather_object", "gather_object", "broadcast_object_list", "scatter_object_list"),
    *("send_object_list", "recv_object_list"),
}
# Objects of frameworks whose methods are collectives.
_OWNERS = re.compile(
    r"^(accelerator|fabric|strategy|dist|comm|distributed|xm|hvd|_?accelerate|idist|(th|torch)_dist"
    r"|dist(ributed)?_utils?|parallel_state)$",
    re.IGNORECASE,
)
# What people call a helper that reduces a number over all processes.
_HELPERS = re.compile(
    r"^(all_?)?reduce_(tensors?|mean|dict|loss(es)?|loss_dict|values?|scalars?|metrics?)$"
    r"|^all_reduce_(mean|avg|sum|dict|scalar)$|^(average|avg)_(reduce|tensor|loss(es)?_across)\w*$"
    r"|^average_reduce_value$|^metric_average$|^(dist|distributed)_(all_)?(reduce|mean|avg|average)\w*$"
)
_METRIC = re.compile(
    r"loss|(^|_)(acc|accuracy|prec|precision|recall|metrics?|correct|psnr|ssim|iou|error|err"
    r"|top|log|logs|stats|time)\d*(_|$)|(^|_)(acc|prec|top|err)@?\d+"
)
_FOR_TRAINING = re.compile(r"grad|param|weight|buffer|feat|embed|logit|scale|world")
# What gives the same number back, as a copy or without its graph.
_PASSING = {
    *("detach", "clone", "mean", "sum", "float", "cuda", "to", "repeat", "view", "reshape"),
    *("unsqueeze", "contiguous", "data", "double"),
}


class Collective(Enum):
    """What a collective exchanges."""

    BARRIER = "barrier"
    TENSOR = "tensor"
    OBJECT = "object"


class Collectives:
    """Answers which calls are collectives."""

    def __init__(
        self,
        syntax: Syntax,
        names: Names,
        bindings: Bindings,
        feeding: Feeding,
        factories: Factories,
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._bindings = bindings
        self._feeding = feeding
        self._factories = factories

    def kind(self, call: ast.Call) -> Collective | None:
        """Return what a call exchanges; None where it is no collective."""
        last = _last(call.func)
        if last in ("barrier", "wait_for_everyone"):
            known = last == "wait_for_everyone" or self._is_ours(call, last)
            return Collective.BARRIER if known else None
        if last in _OBJECTS and (self._is_ours(call, last) or self._imports(call, last)):
            return Collective.OBJECT
        if last in _TENSORS and self._is_ours(call, last):
            return Collective.TENSOR
        if _HELPERS.match(last) and self._names.definition(call.func) is None:
            return Collective.TENSOR
        return None

    def is_metric(self, call: ast.Call) -> bool:
        """Whether a collective exchanges a loss or a metric: nothing that training needs."""
        operand = self.operand(call)
        if operand is None or self._goes_back_into_loss(call):
            return False
        named = [_last_of(part) for part in self._sources(operand)]
        if any(_FOR_TRAINING.search(name) for name in named):
            return False
        return any(_METRIC.search(name.lower()) for name in named)

    def made_of_numbers(self, call: ast.Call) -> ast.Call | None:
        """Return the `torch.tensor(...)` that makes the operand of Python's numbers."""
        operand = self.operand(call)
        for part in self._sources(operand) if operand is not None else ():
            inner = part
            while isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
                if self._factories.name(inner) or self._names.of(inner.func):
                    break
                inner = inner.func.value
            if isinstance(inner, ast.Call) and self._is_of_numbers(inner):
                return inner
        return None

    def operand(self, call: ast.Call) -> ast.expr | None:
        """Return the tensor that a collective is given."""
        named = keyword(call, "tensor") or keyword(call, "input_tensor")
        if named is not None:
            return named
        first_is_output = _last(call.func) in ("all_gather", "all_gather_into_tensor")
        if first_is_output and len(call.args) > 1:
            return call.args[1]
        return call.args[0] if call.args else None

    def _is_ours(self, call: ast.Call, last: str) -> bool:
        name = self._names.of(call.func)
        if name is not None and name.startswith(_DIST):
            return True
        if not isinstance(call.func, ast.Attribute) or self._names.definition(call.func):
            return False
        if name is not None and name.split(".")[0] in ("torch", "numpy"):
            return False
        return bool(_OWNERS.match(_last(call.func.value)))

    def _imports(self, call: ast.Call, last: str) -> bool:
        name = self._names.of(call.func) or ""
        return name.startswith("accelerate.") and name.endswith("." + last)

    def _is_of_numbers(self, call: ast.Call) -> bool:
        """Whether a factory is given numbers of Python: literals, `len(x)`, `x.item()`, lists."""
        name = self._names.of(call.func) or ""
        legacy = name.startswith("torch.cuda.") and name.endswith("Tensor")
        if name not in ("torch.tensor", "torch.as_tensor") and not legacy:
            return False
        return bool(call.args)

    def _goes_back_into_loss(self, call: ast.Call) -> bool:
        """Whether the backward pass is run on what the collective gives back."""
        statement = self._syntax.statement(call)
        if not isinstance(statement, ast.Assign):
            return False
        return any(path_of(t) and self._feeding.feeds_backward(t) for t in statement.targets)

    def _sources(self, node: ast.expr, depth: int = 4) -> list[ast.expr]:
        """Return what an operand is made of, back to names, parameters' arguments and factories."""
        node = _unwrapped(node)
        path = path_of(node)
        if path is None or not depth:
            return [node]
        found: list[ast.expr] = [node]
        for binding in self._bindings.reaching(node, path):
            if (
                binding.how is How.ASSIGN
                and isinstance(binding.source, ast.expr)
                and not binding.at
            ):
                found += self._sources(binding.source, depth - 1)
            elif isinstance(binding.source, ast.AugAssign):
                found += self._sources(binding.source.target, depth - 1)
            elif binding.how is How.PARAMETER and isinstance(binding.source, ast.arg):
                passed = self._passed(binding.site, binding.source.arg)
                found += [p for given in passed for p in self._sources(given, depth - 1)]
        return found

    def _passed(self, function: ast.AST, name: str) -> list[ast.expr]:
        if not isinstance(function, Function):
            return []
        names = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)]
        found: list[ast.expr] = []
        for call in self._names.callers(function):
            shift = names[:1] in (["self"], ["cls"]) and isinstance(call.func, ast.Attribute)
            where = names.index(name) - shift if name in names else -1
            given = keyword(call, name)
            if given is None and 0 <= where < len(call.args):
                given = call.args[where]
            if given is not None:
                found.append(given)
        return found


def _unwrapped(node: ast.expr) -> ast.expr:
    """Return `loss` for `loss.detach().clone()` and `loss.data`."""
    while True:
        match node:
            case ast.Call(func=ast.Attribute(attr=attr, value=value)) if attr in _PASSING:
                node = value
            case ast.Attribute(attr="data", value=value):
                node = value
            case ast.BinOp(left=value, op=ast.Div() | ast.Mult()):
                node = value
            case _:
                return node


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else (dotted(node) or "")


def _last_of(node: ast.AST) -> str:
    while isinstance(node, ast.Subscript):
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            return node.slice.value
        node = node.value
    return _last(node)
