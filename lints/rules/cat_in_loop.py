"""PFL605 cat-in-loop."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..rule import Rule

_CATS = ("cat", "concat", "concatenate", "vstack", "hstack", "dstack", "row_stack", "column_stack")


class CatInLoop(Rule):
    """A tensor grows by concatenation in a loop: `x = torch.cat((x, y))`.

    ## Why it is slow
    Each turn allocates the whole tensor anew and copies all that was gathered so far. Over n
    batches that is n²/2 copies of a batch instead of n, and memory of ever new sizes, which leaves
    the allocator's blocks in pieces.

    ## Instead
    Gather in a list and concatenate once after the loop: `parts.append(y)`, then
    `x = torch.cat(parts)`. Where the length is known, fill a tensor that was made beforehand.

    ## When it is fine
    Where each turn needs the whole tensor, as in generating tokens one by one (left alone), and
    over few turns (only `info` where the loop does not walk over batches).

    ## Source
    PyTorch documentation of `torch.cat`: the result is a new tensor.
    """

    code = "PFL605"
    tokens = ("cat(", "concatenate(", "stack(")
    hot_only = False

    VALID = (
        """
        import torch
        parts = []
        for x in loader:
            parts.append(model(x))
            both = torch.cat((x, x))
        out = torch.cat(parts)
        """,
        """
        import torch
        def generate(model, tokens):
            for _ in range(100):
                after = model(tokens).argmax(-1)
                tokens = torch.cat((tokens, after), dim=1)
            return tokens
        """,
        """
        import torch
        for x in loader:
            out = model(x)
            out = torch.cat((out, x))
            recent = torch.cat((recent, x))[-10:]
        """,
        """
        import torch
        for x in loader:
            seen = torch.cat((seen, x))
            if full(seen):
                report(seen)
            long = torch.cat((long, long))
        """,
    )
    INVALID = (
        """
        import torch
        @torch.no_grad()
        def evaluate(model, loader):
            outputs = torch.empty(0)
            for x, y in loader:
                outputs = torch.cat((outputs, model(x)), dim=0)  # <-
            return outputs
        """,
        """
        import torch
        preds = None
        for batch in tqdm(eval_dataloader):
            logits = model(batch)
            preds = logits if preds is None else torch.cat([preds, logits])  # <-
            if labels is None:
                labels = batch["labels"]
            else:
                labels = torch.cat([labels.detach(), batch["labels"]])  # <-
        """,
        """
        import torch
        for head in heads:
            out = torch.cat([out, head(x)], 1)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the concatenations that make a tensor grow."""
        return (call for call in facts.syntax.calls_to(*_CATS) if facts.growth.growing(call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag the concatenation."""
        call = self.facts.call(node)
        growing = self.facts.growth.growing(call) if call else None
        if growing is None or self.facts.is_test_code:
            return
        self.report(
            node,
            "all that was gathered so far is copied in every turn of the loop "
            f"of line {growing.loop.lineno}",
            severity=self.severity if growing.batches else Severity.INFO,
        )
