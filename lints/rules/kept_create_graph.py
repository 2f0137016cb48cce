"""PFL409 kept-create-graph."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..nodes import keyword
from ..rule import Rule


class KeptCreateGraph(Rule):
    """`backward(create_graph=True)` where nothing differentiates the gradients.

    ## Why it is slow
    The backward pass builds a graph of its own, about as large as that of the forward pass, and the
    gradients hold on to it.

    ## Instead
    `loss.backward()`; for gradients of gradients `torch.autograd.grad(..., create_graph=True)`,
    which leaves `p.grad` alone.

    ## When it is fine
    Where the gradients go into another loss, and with optimizers of second order.

    ## Source
    PyTorch documentation of `torch.autograd.backward` (create_graph).
    """

    code = "PFL409"
    tokens = ("create_graph",)
    preview = True

    VALID = (
        """
        import torch
        for x in loader:
            loss = model(x).mean()
            loss.backward(create_graph=True)
            penalty(model).backward()
            optimizer.step()
        """,
        """
        import torch
        for x in loader:
            loss = model(x).mean()
            loss.backward(create_graph=second_order)
            optimizer.step()
        """,
        """
        import torch
        from torch_optimizer import Adahessian
        for x in loader:
            loss = model(x).mean()
            loss.backward(create_graph=True)
            optimizer.step()
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:
            loss = model(x).mean()
            loss.backward(create_graph=True)  # <-
            optimizer.step()
        """,
        """
        import torch
        def step(model, optimizer, x):
            loss = model(x).mean()
            loss.backward(retain_graph=True, create_graph=True)  # <-
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the backward passes that pass the option."""
        return (c for c in facts.syntax.calls_to("backward") if keyword(c, "create_graph"))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a literal `True` in the only backward pass of the file."""
        call = self.facts.call(node)
        given = keyword(call, "create_graph") if call else None
        if call is None or not (isinstance(given, ast.Constant) and given.value is True):
            return
        syntax = self.facts.syntax
        others = syntax.calls_to("backward", "manual_backward", "grad", "hessian", "jacobian")
        words = {node.attr for node in syntax.nodes(ast.Attribute)} | {
            alias.name for node in syntax.nodes(ast.ImportFrom) for alias in node.names
        }
        if others != [call] or any("hessian" in w.lower() for w in words):
            return
        if (hot := self.facts.hot(node)) is not None:
            self.report(node, "a graph of the gradients is built and not used", why=hot.why)
