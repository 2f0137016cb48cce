"""PFL406 retain-graph-literal."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..nodes import Loop, keyword, within
from ..rule import Rule


class RetainGraphLiteral(Rule):
    """`backward(retain_graph=True)` where no second backward pass follows.

    ## Why it is slow
    All that the forward pass saved for the backward pass stays in memory until the loss is bound
    anew, in the middle of the next step: the peak of memory is that of nearly two steps, and the
    batch has to be smaller than it could be.

    ## Instead
    `loss.backward()`. Where several losses share a graph, one backward pass of their sum; where a
    hidden state is carried on, `hidden.detach()`.

    ## When it is fine
    Where the same graph is walked again: a second `backward()`, `torch.autograd.grad`, or a state
    that keeps its graph from step to step. All of these are left alone.

    ## Source
    PyTorch documentation of `torch.Tensor.backward` ("in nearly all cases setting this option to
    True is not needed").
    """

    code = "PFL406"
    preview = True
    tokens = ("retain_graph",)

    VALID = (
        """
        import torch
        for x in loader:
            loss = model(x).mean()
            loss.backward(retain_graph=True)
            other(loss).backward()
            optimizer.step()
        """,
        """
        import torch
        for x in loader:
            out, hidden = model(x, hidden)
            out.mean().backward(retain_graph=True)
            optimizer.step()
        """,
        """
        import torch
        for x in loader:
            for part in losses(model(x)):
                part.backward(retain_graph=True)
            optimizer.step()
        """,
        """
        import torch
        for x in loader:
            loss = model(x).mean()
            loss.backward(retain_graph=keep)
            optimizer.step()
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:
            loss = model(x).mean()
            loss.backward(retain_graph=True)  # <-
            optimizer.step()
        """,
        """
        import torch
        def train(loader):
            for x in loader:
                loss = model(x).mean()
                scaler.scale(loss).backward(retain_graph=True)  # <-
                scaler.step(optimizer)
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the backward passes that pass the option."""
        calls = facts.syntax.calls_to("backward", "manual_backward")
        return (call for call in calls if keyword(call, "retain_graph"))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a literal `True` in the only backward pass around."""
        call = self.facts.call(node)
        given = keyword(call, "retain_graph") if call else None
        if call is None or not (isinstance(given, ast.Constant) and given.value is True):
            return
        hot = self.facts.hot(node)
        if hot is None or not self._is_the_only_one(call):
            return
        loop = self.facts.regions.step_loop(call)
        # Without its loop in sight, nobody can tell what is carried from step to step.
        if loop is not None and self._innermost(call) is loop and not self._carries_state(loop):
            self.report(node, "the graph is kept though nothing walks it again", why=hot.why)

    def _is_the_only_one(self, call: ast.Call) -> bool:
        syntax = self.facts.syntax
        if (self.facts.names.of(call.func) or "").startswith("torch."):
            return False  # `torch.autograd.backward` is for those who know what they do
        others = syntax.calls_to("backward", "manual_backward", "grad", "hessian", "jacobian")
        return others == [call]

    def _innermost(self, call: ast.Call) -> ast.AST | None:
        ancestors = self.facts.syntax.ancestors(call)
        return next((parent for _, parent in ancestors if isinstance(parent, Loop)), None)

    def _carries_state(self, loop: Loop) -> bool:
        """Whether a value of one turn goes into the next: `out, hidden = model(x, hidden)`."""
        for node in within(loop):
            if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
                continue
            statement = self.facts.syntax.statement(node)
            if not isinstance(statement, ast.Assign) or not _passes(statement.value, node.id):
                continue
            found = self.facts.bindings.reaching(node, (node.id,))
            if any(binding.site is statement for binding in found):
                return True
        return False


def _passes(value: ast.expr, name: str) -> bool:
    """Whether a call in an expression is given a name."""
    calls = [node for node in ast.walk(value) if isinstance(node, ast.Call)]
    given = [arg for call in calls for arg in (*call.args, *(k.value for k in call.keywords))]
    return any(isinstance(n, ast.Name) and n.id == name for arg in given for n in ast.walk(arg))
