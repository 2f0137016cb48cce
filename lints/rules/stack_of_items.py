"""PFL606 stack-of-items."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..rule import Cost, Rule

_FACTORIES = ("torch.tensor", "torch.as_tensor", "torch.Tensor", "torch.FloatTensor")


class StackOfItems(Rule):
    """A tensor is made of numbers read one by one from tensors: `torch.tensor([t.item() ...])`.

    ## Why it is slow
    Each `.item()` waits for the device, and at the end everything is copied back to where it came
    from.

    ## Instead
    `torch.stack(tensors)`, which stays on the device.

    ## When it is fine
    With one number, and with numbers that come from the host in the first place.

    ## Source
    PyTorch's performance tuning guide, "Avoid unnecessary CPU-GPU synchronization".
    """

    code = "PFL606"
    cost = Cost.WAIT
    preview = True
    tokens = (".item(",)
    hot_only = False
    needs_accelerator = True

    VALID = (
        """
        import torch
        torch.tensor([loss.item()])
        torch.stack([loss, other])
        """,
        """
        import torch
        torch.tensor([len(x) for x in parts])
        torch.tensor([frame.item(0) for frame in frames])
        """,
        """
        import torch
        import numpy as np
        torch.tensor([np.mean(x).item() for x in parts])
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:
            losses = [head(x).mean() for head in heads]
            sum(losses).backward()
            optimizer.step()
            found = torch.tensor([loss.item() for loss in losses])  # <-
        """,
        """
        import torch
        def lengths(mask, other):
            return torch.tensor([mask.sum().item(), other.sum().item()], device="cuda")  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that make a tensor of a list."""
        calls = facts.syntax.calls
        return (c for c in calls if c.args and facts.names.of(c.func) in _FACTORIES and _items(c))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a list whose elements are read from tensors."""
        call = self.facts.call(node)
        if call is None or not call.args or self.facts.names.of(call.func) not in _FACTORIES:
            return
        items = _items(call)
        values = [self.facts.dataflow.value(item) for item in items]
        if not items or any(v.kind is v.kind.PLAIN for v in values) or self.facts.is_test_code:
            return
        hot = self.facts.hot(node)
        self.report(
            node,
            "numbers are read from tensors one by one to make a tensor",
            why=hot.why if hot else None,
            severity=self.severity if hot else Severity.INFO,
        )


def _items(call: ast.Call) -> list[ast.expr]:
    """Return what `.item()` is called on, where that makes up the whole list of several."""
    match call.args[0]:
        case ast.ListComp(elt=element):
            read = [_read(element)]
        case ast.List(elts=elements) if len(elements) > 1:
            read = [_read(element) for element in elements]
        case _:
            return []
    found = [owner for owner in read if owner is not None]
    return found if len(found) == len(read) else []


def _read(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Call(func=ast.Attribute(attr="item", value=owner), args=[]):
            return owner
    return None
