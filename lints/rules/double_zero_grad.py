"""PFL405 double-zero-grad."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..nodes import blocks
from ..rule import Rule


class DoubleZeroGrad(Rule):
    """`model.zero_grad()` and `optimizer.zero_grad()` next to each other.

    ## Why it is slow
    Both walk over the same parameters, in Python; the second finds nothing to do.

    ## Instead
    One of them.

    ## When it is fine
    Where the optimizer has only some of the model's parameters, and the rest must not accumulate
    gradients.

    ## Source
    PyTorch documentation of `torch.nn.Module.zero_grad` ("see similar function under
    torch.optim.Optimizer").
    """

    code = "PFL405"
    preview = True
    tokens = ("zero_grad(",)
    severity = Severity.INFO

    VALID = (
        """
        import torch
        for x in loader:
            first_optimizer.zero_grad()
            second_optimizer.zero_grad()
            model(x).mean().backward()
            first_optimizer.step()
        """,
        """
        import torch
        model.zero_grad()
        optimizer.zero_grad()
        """,
        """
        import torch
        for x in loader:
            optimizer.zero_grad()
            model(x).mean().backward()
            optimizer.step()
            model.zero_grad()
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:
            model.zero_grad()
            optimizer.zero_grad()  # <-
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        class Trainer:
            def step(self, x):
                self.optimizer.zero_grad()
                self.model.zero_grad()  # <-
                self.model(x).mean().backward()
                self.optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls of `zero_grad`."""
        return facts.syntax.calls_to("zero_grad")

    def visit_Call(self, node: cst.Call) -> None:
        """Flag the second of two calls in a row, one of a model and one of an optimizer."""
        call = self.facts.call(node)
        owner = _zeroed(self.facts.syntax.parent(call)) if call else None
        if call is None or owner is None:
            return
        before = self._before(call)
        if before is None or ("optim" in owner) == ("optim" in before):
            return
        if not all("model" in name or "optim" in name for name in (owner, before)):
            return
        if (hot := self.facts.hot(node)) is not None:
            self.report(node, "the gradients were dropped one line above", why=hot.why)

    def _before(self, call: ast.Call) -> str | None:
        """Return whose gradients the statement before drops."""
        statement = self.facts.syntax.statement(call)
        around = self.facts.syntax.parent(statement) if statement else None
        for block in blocks(around) if around else ():
            if statement in block and (at := block.index(statement)) > 0:
                return _zeroed(block[at - 1])
        return None


def _zeroed(statement: ast.AST | None) -> str | None:
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="zero_grad", value=owner))):
            return ast.unparse(owner).lower()
    return None
