"""The calls that make a loop a training loop: a backward pass, or the step of an optimizer."""

import ast
import re

from .names import Names
from .nodes import dotted, keyword, path_of
from .syntax import Syntax
from .vocabulary import is_module_name

_OPTIMIZER = re.compile(r"optim|(^|_)opt(?=[A-Z_\d]|$)")
# Not what makes one, or does without: `_make_step_no_scaler(model, optimizer)`.
_SCALER = re.compile(
    r"^(?!_*(make|build|create|get|init|setup)|.*no_?scaler).*scaler", re.IGNORECASE
)
_METHODS = {
    *("step", "backward", "manual_backward", "scale_loss", "call_hook", "update_params"),
    "optimizer_step",
}
# Objects that run the backward pass of the loss they are given.
_RUNS_BACKWARD = re.compile(r"accelerator|fabric|engine|strategy|optim|scaler|self$", re.IGNORECASE)


def candidates(syntax: Syntax) -> list[ast.Call]:
    """Return the calls that the questions below may be answered yes of, by their names alone."""
    return [call for call in syntax.calls if _may_mark(call.func)]


def is_marker(call: ast.Call, names: Names) -> bool:
    """Whether a call is what every training step does once."""
    return _is_backward(call, names) or takes_the_step(call)


def takes_the_step(call: ast.Call) -> bool:
    """Whether a call updates the parameters: `opt.step()`, `scaler.step(opt)`, a scaler called."""
    match call:
        case ast.Call(func=ast.Attribute(attr="call_hook"), args=[ast.Constant(value=hook), *_]):
            return hook in ("after_train_iter", "after_iter")
        case ast.Call(func=ast.Attribute(attr="update_params" | "optimizer_step")) if call.args:
            return True
    if isinstance(call.func, ast.Attribute) and call.func.attr == "step":
        receiver = _last_name(call.func.value)
        if "scaler" in receiver.lower():
            return bool(call.args)
        return bool(_OPTIMIZER.search(receiver)) and "sched" not in receiver.lower()
    return _is_scaler_call(call)


def backward_receivers(call: ast.Call) -> list[ast.expr]:
    """Return the expressions that a call runs the backward pass of."""
    if _is_scaler_call(call):
        return _parts(call.args[0])
    match call.func:
        case ast.Attribute(attr="manual_backward") if call.args:
            return _parts(call.args[0])
        case ast.Attribute(attr="scale_loss") if call.args:
            return _parts(call.args[0])
        case ast.Attribute(attr="step" | "update_params") if call.args and takes_the_step(call):
            return _parts(call.args[0]) if "loss" in _last_name(call.args[0]).lower() else []
        case ast.Attribute(attr="backward", value=receiver):
            if given := keyword(call, "loss"):
                return _parts(given)
            if call.args and _runs_it(_last_name(receiver), _last_name(call.args[0])):
                return _parts(call.args[0])
            return _parts(receiver)
    return []


def _may_mark(func: ast.expr) -> bool:
    name = _last_name(func)
    return name in _METHODS or "scaler" in name.lower()


def _is_backward(call: ast.Call, names: Names) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr == "manual_backward":
        return True
    if call.func.attr != "backward":
        return False
    receiver = call.func.value
    if isinstance(receiver, ast.Call) and dotted(receiver.func) == "super":
        return False
    # `Function.backward(ctx, grad)` names a class, not a tensor.
    imported = names.of(receiver)
    if imported is not None:
        return imported == "torch.autograd"
    return names.definition(receiver) is None


def _runs_it(owner: str, given: str) -> bool:
    """Whether `owner.backward(given)` is a framework's, as with the engine that DeepSpeed makes."""
    if _RUNS_BACKWARD.search(owner) or is_module_name(owner):
        return True
    return "loss" in given.lower() and "loss" not in owner.lower()


def _is_scaler_call(call: ast.Call) -> bool:
    """Whether this is a wrapper such as `loss_scaler(loss, optimizer, ...)`."""
    if not _SCALER.search(_last_name(call.func)) or len(call.args) < 2:
        return False
    return bool(_OPTIMIZER.search(_last_name(call.args[1])))


def _parts(node: ast.expr) -> list[ast.expr]:
    """Return the names under sums, quotients and reductions: `(a + b) / n` holds `a` and `b`."""
    match node:
        case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=right):
            return [*_parts(left), *_parts(right)]
        case ast.BinOp(op=ast.Div(), left=left):
            return _parts(left)
        case ast.Call(func=ast.Attribute(attr="mean" | "sum", value=value)):
            return _parts(value)
        case ast.Call(func=ast.Attribute(attr="scale"), args=[loss]):
            return _parts(loss)
    return [node] if path_of(node) else []


def _last_name(node: ast.AST) -> str:
    while isinstance(node, ast.Subscript):
        node = node.value
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""
