"""PFL111 repeat-interleave-no-output-size."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..nodes import keyword
from ..sync_rule import SyncRule


class RepeatInterleaveNoOutputSize(SyncRule):
    """`repeat_interleave` with a tensor of repeats and no `output_size`, in every training step.

    ## Why it is slow
    How long the result is, the sum of the repeats, is only known on the GPU. The CPU waits for it.

    ## Instead
    Pass `output_size=`, where the sum is known beforehand: from the lengths of the batch, say,
    added up on the host.

    ## When it is fine
    With a number of repeats in place of a tensor, on the host, and every N steps.

    ## Source
    The documentation of `torch.repeat_interleave`: with `output_size` given, "it will avoid stream
    synchronization needed to calculate output shape of the tensor".
    """

    code = "PFL111"
    tokens = ("repeat_interleave",)
    since = (1, 10)

    VALID = (
        """
        import torch
        for x, lengths in loader:
            x, lengths = x.cuda(), lengths.cuda()
            x = torch.repeat_interleave(x, lengths, dim=0, output_size=total)
            x = x.repeat_interleave(2, dim=0)
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        for x, lengths in loader:
            x = torch.repeat_interleave(x, lengths, dim=0)
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        def prepare(x, lengths):
            return x.cuda().repeat_interleave(lengths.cuda(), dim=0)
        """,
    )
    INVALID = (
        """
        import torch
        for x, lengths in loader:
            x, lengths = x.cuda(), lengths.cuda()
            x = torch.repeat_interleave(x, lengths, dim=0)  # <-
            x = x.repeat_interleave(repeats=lengths, dim=0)  # <-
            x = torch.repeat_interleave(lengths)  # <-
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        from torch import nn
        class Net(nn.Module):
            def forward(self, x: torch.Tensor, lengths: torch.Tensor):
                return self.net(x.repeat_interleave(lengths, 0))  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls of `repeat_interleave`."""
        return facts.syntax.calls_to("repeat_interleave")

    def visit_Call(self, node: cst.Call) -> None:
        """Flag the call where the repeats are a tensor on the device."""
        call = self.facts.call(node)
        repeats = _repeats(self.facts, call) if call else None
        if call is None or repeats is None or any(k.arg is None for k in call.keywords):
            return
        if keyword(call, "output_size") is not None:
            return
        value = self.facts.dataflow.value(repeats)
        if value.on_device:
            self.says(node, value, "the CPU waits for the sum of the repeats")


def _repeats(facts: Facts, call: ast.Call) -> ast.expr | None:
    given = keyword(call, "repeats")
    if given is not None:
        return given
    if facts.names.of(call.func) == "torch.repeat_interleave":
        return call.args[min(len(call.args), 2) - 1] if call.args else None
    if isinstance(call.func, ast.Attribute) and call.func.attr == "repeat_interleave":
        return call.args[0] if call.args else None
    return None
