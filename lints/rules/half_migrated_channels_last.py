"""PFL307 half-migrated-channels-last."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..nodes import keyword
from ..rule import Rule
from ..values import Kind


class HalfMigratedChannelsLast(Rule):
    """Batches are made channels-last in every step, but the model never is.

    ## Why it is slow
    A convolution that is given images with the channels last puts its weight into the same order
    first: one more copy of every weight in every step, on top of that of the batch.

    ## Instead
    Convert the model once as well: `model = model.to(memory_format=torch.channels_last)`.

    ## When it is fine
    Where the model is converted in another file.

    ## Source
    The PyTorch tutorial on the channels-last memory format, which converts both.
    """

    code = "PFL307"
    tokens = ("channels_last",)
    preview = True

    VALID = (
        """
        import torch
        model = model.to(memory_format=torch.channels_last)
        for x in loader:
            x = x.to(device, memory_format=torch.channels_last)
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        x = x.to(memory_format=torch.channels_last)
        for y in loader:
            model(y).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        for x in loader:
            x = x.contiguous(memory_format=torch.preserve_format)  # not channels_last
            model(x).mean().backward()
            optimizer.step()
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:
            x = x.to(device, memory_format=torch.channels_last)  # <-
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        model = torch.nn.Conv2d(3, 8, 3).cuda()
        for x in loader:
            out = model(x.cuda().contiguous(memory_format=torch.channels_last))  # <-
            out.mean().backward()
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the conversions of tensors, in a file that converts no model."""
        calls = [call for call in facts.syntax.calls if _converts(facts, call)]
        if any(not facts.is_hot(call) or _is_module(facts, call) for call in calls):
            return ()
        return calls

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a conversion to channels-last in a step."""
        call, hot = self.facts.call(node), self.facts.hot(node)
        if call is not None and hot is not None and call in list(self.wanted(self.facts)):
            message = "batches are made channels-last, the model is not"
            self.report(node, message, why=hot.why)


def _converts(facts: Facts, call: ast.Call) -> bool:
    given = keyword(call, "memory_format")
    return given is not None and facts.names.of(given) == "torch.channels_last"


def _is_module(facts: Facts, call: ast.Call) -> bool:
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return owner is not None and facts.dataflow.value(owner).kind is Kind.MODULE
