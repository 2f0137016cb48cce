"""PFL114 legacy-type-roundtrip."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..sync_rule import SyncRule

_LEGACY = {
    f"torch.{kind}Tensor"
    for kind in ("Float", "Double", "Half", "Long", "Int", "Short", "Byte", "Char", "Bool")
}


class LegacyTypeRoundtrip(SyncRule):
    """A tensor on the device is given a type of the host, `.type(torch.LongTensor)`, in every step.

    ## Why it is slow
    `torch.LongTensor` is the type of tensors *on the host*: `.type()` copies the data there, and
    the CPU waits until the GPU has finished all that was queued. Mostly the next line copies the
    result back.

    ## Instead
    `.long()` or `.to(torch.long)` change the type and leave the tensor where it is.

    ## When it is fine
    On tensors that are on the host, outside of the training step, and with `torch.cuda.LongTensor`,
    which is a type of the device.

    ## Source
    NVIDIA's list of synchronization patterns (`perf-torch-sync-free`), 2.
    """

    code = "PFL114"
    tokens = (".type(",)

    VALID = (
        """
        import torch
        for x, y in loader:
            out = model(x.cuda())
            a = out.type(torch.long), out.long(), out.type(torch.cuda.LongTensor)
            b = y.type(torch.LongTensor)
            c = out.type(other), out.type("torch.cuda.FloatTensor"), config.type("x")
            out.mean().backward()
            optimizer.step()
        """,
        """
        import torch
        for step, x in enumerate(loader):
            out = model(x.cuda())
            out.mean().backward()
            optimizer.step()
            if step % 100 == 0:
                show(out.type(torch.FloatTensor))  # <- info
        """,
        """
        import torch
        def convert(x):
            return x.cuda().type(torch.LongTensor)
        """,
    )
    INVALID = (
        """
        import torch
        for x, y in loader:
            out = model(x.cuda())
            index = out.argmax(1).type(torch.LongTensor).cuda()  # <-
            other = out.detach().type("torch.FloatTensor")  # <-
            out.mean().backward()
            optimizer.step()
        """,
        """
        import torch
        from torch import nn
        class Net(nn.Module):
            def forward(self, x):
                return self.embed(x.round().type(torch.LongTensor).to(x.device))  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls of `.type()`."""
        return (call for call in facts.syntax.calls_to("type") if _is_to_host(facts, call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `x.type(torch.LongTensor)` where `x` is a tensor on the device."""
        call = self.facts.call(node)
        if call is None or not isinstance(call.func, ast.Attribute) or call.func.attr != "type":
            return
        value = self.facts.dataflow.value(call.func.value)
        if (value.on_device or value.is_derived) and _is_to_host(self.facts, call):
            self.says(node, value, "the tensor is copied to the host to change its type")


def _is_to_host(facts: Facts, call: ast.Call) -> bool:
    match call.args:
        case [ast.Constant(value=str() as text)]:
            return text in _LEGACY
        case [named]:
            return facts.names.of(named) in _LEGACY
    return False
