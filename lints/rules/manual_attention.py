"""PFL313 manual-attention."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..rule import Rule


class ManualAttention(Rule):
    """Attention is written out as `softmax(q @ k.transpose(-2, -1)) @ v`.

    ## Why it is slow
    The matrix of weights, of the length of the sequence squared, is written to memory and read
    again by each operation: product, scaling, mask, softmax, dropout, product; and kept for the
    backward pass.

    ## Instead
    `torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=..., dropout_p=...)`, which
    picks a fused kernel where there is one.

    ## When it is fine
    Where the weights themselves are used: returned, kept, changed in between in a way that the
    function does not know. Results differ in the last digits.

    ## Source
    `torch.nn.functional.scaled_dot_product_attention` documentation.
    """

    code = "PFL313"
    tokens = ("softmax",)
    severity = Severity.INFO
    hot_only = False
    preview = True
    since = (2, 0)

    VALID = (
        """
        import torch
        def attend(q, k, v):
            return torch.nn.functional.scaled_dot_product_attention(q, k, v)  # no softmax
        """,
        """
        import torch
        def attend(q, k, v):
            weights = (q @ k.transpose(-2, -1)).softmax(-1)
            return weights @ v, weights
        """,
        """
        import torch
        def classify(x, w, table):
            return torch.softmax(x @ w, -1) @ table
        """,
    )
    INVALID = (
        """
        import torch
        def attend(q, k, v, mask):
            scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
            scores = scores.masked_fill(mask, float("-inf"))
            weights = torch.softmax(scores, dim=-1)
            return weights @ v  # <-
        """,
        """
        import torch
        import torch.nn.functional as F
        class Net(torch.nn.Module):
            def forward(self, q, k, v):
                a = self.dropout(F.softmax(torch.matmul(q, k.mT) * self.scale, dim=-1))
                return torch.bmm(a, v)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the matrix products that finish an attention."""
        products = (n for n in ast.walk(facts.syntax.tree) if isinstance(n, ast.BinOp | ast.Call))
        return (node for node in products if facts.attention.is_written_out(node))

    def visit_BinaryOperation(self, node: cst.BinaryOperation) -> None:
        """Flag `weights @ v`."""
        self._check(node)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `torch.matmul(weights, v)` and its like."""
        self._check(node)

    def _check(self, node: cst.BaseExpression) -> None:
        found = self.facts.counterpart(node)
        if found is None or self.facts.is_test_code:
            return
        if self.facts.attention.is_written_out(found):
            self.report(node, "attention written out: its weights go through memory several times")
