"""PFL118 python-slice-with-tensor."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..supplies import called_name
from ..sync_rule import SyncRule
from ..values import Kind, Value

# Functions of torch whose arguments are numbers, or sizes.
_TAKES_NUMBERS = ("arange", "linspace", "zeros", "ones", "empty", "rand", "randn", "eye", "full")
# Methods of tensors that take sizes.
_TAKES_SIZES = (
    *("repeat", "expand", "view", "reshape", "new_zeros", "new_ones", "new_empty", "new_full"),
    *("narrow", "topk", "roll"),
)
_LIMITS = ("clamp", "clamp_", "clip", "clip_")


class PythonSliceWithTensor(SyncRule):
    """A tensor on the device stands where Python needs a number: `x[:n]`, `range(n)`, `zeros(n)`.

    ## Why it is slow
    Bounds of slices and ranges, and sizes, have to be Python numbers. The CPU reads them from the
    GPU, and waits until that has finished all that was queued before. A `clamp` reads a limit that
    is a tensor where the other one is a number.

    ## Instead
    Take bounds and sizes from shapes, or from lengths that stayed on the host. Where they are only
    known on the device, mask instead: `torch.arange(x.shape[0], device=x.device) < n`. Give both
    limits of a `clamp` as tensors.

    ## When it is fine
    For Python numbers, on the host, and every N steps.

    ## Source
    NVIDIA's list of synchronization patterns (`perf-torch-sync-free`), 6.
    """

    code = "PFL118"
    preview = True
    tokens = ("[", "range(", *_TAKES_NUMBERS, *_TAKES_SIZES, *_LIMITS)

    VALID = (
        """
        import torch
        for x, lengths in loader:
            out = model(x.cuda())
            n = out.shape[0]
            a = out[:n], out[: len(x)], range(n), out[lengths], x[: lengths[0]]
            b = torch.zeros(n, len(x)), out.view(n, -1), out.clamp(0, 1), out.clamp(low, out.max())
            out.mean().backward()
            optimizer.step()
        """,
        """
        import torch
        for step, x in enumerate(loader):
            out = model(x.cuda())
            out.mean().backward()
            optimizer.step()
            if step % 50 == 0:
                show(out[: out.argmax()])  # <- info
        """,
        """
        import torch
        def first(x):
            n = x.cuda().argmax()
            return x[:n]
        """,
    )
    INVALID = (
        """
        import torch
        for x, y in loader:
            out = model(x.cuda())
            n = out.argmax()
            part = out[:n]  # <-
            for place in range(out.argmin()):  # <-
                part = part + out[place : n + 1, 0]  # <-
                part = part + out[place : place + n]  # <-
            part.mean().backward()
            optimizer.step()
        """,
        """
        import torch
        def step(model, optimizer, batch):
            out = model(batch)
            places = torch.arange(out.max(), device=out.device)  # <-
            longest = out.argmax()
            mask = torch.zeros(len(out), longest, device=out.device)  # <-
            wide = out.repeat(1, out.argmin())  # <-
            wider = out.new_zeros((out.sum(), 3))  # <-
            kept = out.clamp(0, out.mean() - 1)  # <-
            both = torch.clamp(out, min=0, max=out.std() / 3)  # <-
            out.mean().backward()
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the places of numbers that are tensors."""
        calls = facts.syntax.calls_to("range", *_TAKES_NUMBERS, *_TAKES_SIZES, *_LIMITS)
        nodes = (*facts.syntax.nodes(ast.Subscript), *calls)
        return (n for n in nodes if facts.runs(n) and _read(facts, _numbers(facts, n)))

    def visit_Subscript(self, node: cst.Subscript) -> None:
        """Flag `x[:n]`."""
        self._check(node, "a tensor as the bound of a slice waits for the device")

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `range(n)`, `torch.zeros(n)`, `x.repeat(n)` and `x.clamp(0, n)`."""
        found = self.facts.call(node)
        name = called_name(found) if found else ""
        what = "the bound of a range" if name in ("range", "arange") else "a size"
        what = "one limit beside a number" if name in _LIMITS else what
        self._check(node, f"a tensor as {what} waits for the device")

    def _check(self, node: cst.BaseExpression, message: str) -> None:
        found = self.facts.counterpart(node)
        numbers = _numbers(self.facts, found) if found is not None else ()
        if value := _read(self.facts, numbers):
            self.says(node, value, message)


def _read(facts: Facts, numbers: Iterable[ast.expr]) -> Value | None:
    """Return the first that is on the device; what stands there holds no more than one tensor."""
    values = (facts.dataflow.value(number).as_tensor for number in numbers)
    return next((value for value in values if value.is_device_tensor), None)


def _numbers(facts: Facts, node: ast.AST) -> Iterable[ast.expr]:
    """Return what stands where Python needs a number."""
    match node:
        case ast.Subscript(slice=ast.Slice() as part):
            return _ends(part)
        case ast.Subscript(slice=ast.Tuple(elts=parts)):
            return [end for part in parts if isinstance(part, ast.Slice) for end in _ends(part)]
        case ast.Call(func=func, args=args):
            name = called_name(node)
            if facts.names.builtin(func) == "range":
                return args
            if facts.names.of(func) == f"torch.{name}" and name in _TAKES_NUMBERS:
                return _written_out(args)
            if isinstance(func, ast.Attribute) and name in _TAKES_SIZES:
                return _written_out(args) if _is_tensor(facts, func.value) else ()
            return _limits(facts, node) if name in _LIMITS else ()
    return ()


def _is_tensor(facts: Facts, node: ast.expr) -> bool:
    return facts.dataflow.value(node).kind is Kind.TENSOR


def _written_out(args: Iterable[ast.expr]) -> Iterable[ast.expr]:
    """Yield the arguments, and the elements of a tuple or list among them."""
    for arg in args:
        yield from arg.elts if isinstance(arg, (ast.Tuple, ast.List)) else (arg,)


def _limits(facts: Facts, call: ast.Call) -> list[ast.expr]:
    """Return the limits of a `clamp` one of which is a number: then the other is read, too."""
    of_torch = facts.names.of(call.func) == f"torch.{called_name(call)}"
    named = [k.value for k in call.keywords if k.arg in ("min", "max")]
    limits = [*call.args[1 if of_torch else 0 :], *named]
    is_number = [isinstance(limit, ast.Constant) and limit.value is not None for limit in limits]
    return limits if len(limits) == 2 and any(is_number) else []


def _ends(part: ast.Slice) -> list[ast.expr]:
    return [end for end in (part.lower, part.upper, part.step) if end is not None]
