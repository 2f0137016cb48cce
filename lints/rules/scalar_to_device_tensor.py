"""PFL112 scalar-to-device-tensor."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..arguments import with_first_argument
from ..facts import Facts
from ..nodes import keyword
from ..rule import Invalid
from ..sync_rule import SyncRule
from ..values import Device, Kind, Value

_MAKERS = ("torch.tensor", "torch.as_tensor")
_OPTIONS = {"dtype", "device", "requires_grad"}
_FROM_HOST = Value(Kind.PLAIN)


class ScalarToDeviceTensor(SyncRule):
    """A number is made into a tensor on the device (`torch.tensor(0.5, device=d)`) in each step.

    ## Why it is slow
    `torch.tensor` first makes the tensor on the host, in memory that is not pinned, and then copies
    it: the CPU waits for that copy, and for all that was queued before it.

    ## Instead
    `torch.full((), 0.5, device=d)` hands the number to a kernel and waits for nothing. Where it is
    the same in every step, make it once, before the loop. In most arithmetic a Python number needs
    no tensor at all.

    ## When it is fine
    Outside of the training step, and on the host.

    ## Fix safety
    Safe: `torch.full` with the same number gives the same type and the same bits. It is offered for
    numbers that are written out, and for no others: `numpy` scalars keep their own type in
    `torch.tensor`.

    ## Source
    pytorch/pytorch issue 120996: `torch.tensor(3.14, device="cuda")` synchronizes, `torch.full`
    does not; pytorch/vision issue 5515.
    """

    code = "PFL112"
    tokens = ("tensor(",)

    VALID = (
        """
        import torch
        one = torch.tensor(1.0, device="cuda")
        for x, y in loader:
            loss = model(x).mean()
            half = torch.full((), 0.5, device=loss.device)
            host = torch.tensor(0.5)
            there = torch.tensor(0.5, device="cpu")
            several = torch.tensor([0.5, 1.0], device="cuda")
            same = torch.tensor(unknown, device="cuda")
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        for step, (x, y) in enumerate(loader):
            loss = model(x).mean()
            loss.backward()
            optimizer.step()
            if step % 100 == 0:
                limit = torch.tensor(3.0, device="cuda")  # <- info
        """,
        """
        import torch
        def make(device):
            return torch.tensor(1.0, device=device, requires_grad=True)
        """,
    )
    INVALID = (
        Invalid(
            """
            import torch
            for x, y in loader:
                out = model(x.cuda())
                loss = out.mean() * torch.tensor(0.5, device=out.device)  # <-
                loss = loss + torch.tensor(-1, dtype=torch.float32, device="cuda")  # <-
                loss.backward()
                optimizer.step()
            """,
            fixed="""
            import torch
            for x, y in loader:
                out = model(x.cuda())
                loss = out.mean() * torch.full((), 0.5, device=out.device)  # <-
                loss = loss + torch.full((), -1, dtype=torch.float32, device="cuda")  # <-
                loss.backward()
                optimizer.step()
            """,
        ),
        """
        import torch as th
        from torch import nn, tensor
        class Loss(nn.Module):
            def forward(self, x):
                count = th.tensor(len(x), device=x.device)  # <-
                return tensor(2.5, device=x.device), x.shape[0]  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that make a tensor of a number, on a device that they name."""
        for call in facts.syntax.calls_to("tensor", "as_tensor"):
            if keyword(call, "device") is not None and facts.names.of(call.func) in _MAKERS:
                yield call

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a number that is copied to the device."""
        call = self.facts.call(node)
        if call is None or len(call.args) != 1 or self.facts.names.of(call.func) not in _MAKERS:
            return
        if self.facts.dataflow.value(call).device is not Device.ACCELERATOR:
            return
        if not isinstance(keyword(call, "device"), ast.expr) or not _is_number(call.args[0]):
            return
        fixed = self._full(node, call)
        message = "the CPU waits for a number to be copied to the device"
        self.says(node, _FROM_HOST, message, fix=fixed, safe=fixed is not None)

    def _full(self, node: cst.Call, call: ast.Call) -> cst.Call | None:
        literal = _is_literal(call.args[0]) and self.facts.names.of(call.func) == "torch.tensor"
        plain = all(given.arg in _OPTIONS for given in call.keywords)
        if not literal or not plain or not isinstance(node.func, cst.Attribute):
            return None
        full = node.func.with_changes(attr=cst.Name("full"))
        return with_first_argument(node, cst.Arg(cst.Tuple([]))).with_changes(func=full)


def _is_literal(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=bool() | int() | float()):
            return True
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return _is_literal(operand)
    return False


def _is_number(node: ast.expr) -> bool:
    """Whether this is a Python number, and neither an array nor a list for certain."""
    match node:
        case ast.Call(func=ast.Name(id="len" | "float" | "int"), args=[_]):
            return True
        case ast.Call(func=ast.Attribute(attr="item" | "numel"), args=[]):
            return True
        case ast.Subscript(value=ast.Attribute(attr="shape"), slice=ast.Constant()):
            return True
        case ast.Call(func=ast.Attribute(attr="size"), args=[_]):
            return True
    return _is_literal(node)
