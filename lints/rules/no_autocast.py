"""PFL302 no-autocast."""

import ast
from collections.abc import Iterable
from functools import cached_property

import libcst as cst

from ..facts import Facts
from ..finding import Confidence, Severity
from ..rule import Rule

# Any of these words says that somebody has thought of precision.
_WORDS = (
    *("autocast", "amp", "half", "bf16", "bfloat16", "fp16", "float16", "precision", "deepspeed"),
    *("accelerat", "lightning", "tf32", "float64", "double"),
)


class NoAutocast(Rule):
    """A script trains on the GPU in float32 throughout.

    ## Why it is slow
    Matrix products in float32 leave the tensor cores idle, or half idle with TF32, and each tensor
    takes twice the memory and the bandwidth that bfloat16 takes.

    ## Instead
    `with torch.autocast("cuda", dtype=torch.bfloat16):` around the forward pass and the loss.

    ## When it is fine
    Where the numbers need float32, and for small models that are bound by launches. Numbers change:
    compare a run before you keep it.

    ## Source
    The PyTorch performance tuning guide ("Use mixed precision and AMP").
    """

    code = "PFL302"
    tokens = ("backward",)
    severity = Severity.INFO
    preview = True
    hot_only = False
    opt_in = True
    since = (1, 10)

    VALID = (
        """
        import torch
        for x in loader:
            with torch.autocast("cuda"):
                loss = model(x.cuda()).mean()
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        model = model.cuda().half()
        for x in loader:
            model(x.cuda()).mean().backward()
            optimizer.step()
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:  # <-
            model(x.cuda()).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        def train(model, loader):
            for x in loader:  # <-
                model(x.cuda()).mean().backward()
                optimizer.step()
        if __name__ == "__main__":
            train(model, loader)
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return what the first step loop of the file walks over."""
        if facts.says(*_WORDS) or not facts.says("backward") or not facts.uses_accelerator:
            return ()
        loops = (loop for loop in facts.syntax.loops if isinstance(loop, ast.For))
        return [loop.iter for loop in loops if facts.regions.is_step_loop(loop)][:1]

    def visit_For(self, node: cst.For) -> None:
        """Flag the first step loop of a file that never speaks of precision."""
        source = self.facts.counterpart(node.iter)
        if source is not None and source in self._first:
            message = "this training loop runs in float32 throughout"
            self.report(node.iter, message, confidence=Confidence.POSSIBLE)

    @cached_property
    def _first(self) -> list[ast.AST]:
        return list(self.wanted(self.facts))
