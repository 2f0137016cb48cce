"""PFL314 eval-no-grad."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Confidence
from ..rule import Rule


class EvalNoGrad(Rule):
    """A loop of evaluation runs the model while autograd records a graph that nobody uses.

    ## Why it is slow
    Without `torch.no_grad()` each operation keeps its inputs for a backward pass that never comes:
    every batch takes the memory of a training step, allocations grow, and the batch that would fit
    without the graph does not. `model.eval()` only switches dropout and normalisation.

    ## Instead
    Put the loop under `with torch.no_grad():`, or decorate the function; `torch.inference_mode()`
    is faster still where no result is used in training later.

    ## When it is fine
    Where gradients are used (attacks, explanations, `autograd.grad`), in hooks of Lightning and
    others that turn autograd off themselves, and where the parameters are frozen. A function whose
    caller in this file turns autograd off is not reported.

    ## Source
    The PyTorch performance tuning guide ("Disable gradient calculation for validation or
    inference").
    """

    code = "PFL314"
    tokens = ("val", "test", "predict", "infer", ".train(")
    hot_only = False

    VALID = (
        """
        import torch
        def evaluate(model, loader):
            model.eval()
            with torch.no_grad():
                for x, y in loader:
                    count(model(x), y)
        @torch.inference_mode()
        def test(model, loader):
            for x, y in loader:
                count(model(x), y)
        """,
        """
        import torch
        def evaluate(model, loader):
            for x, y in loader:
                count(model(x), y)
        with torch.no_grad():
            evaluate(model, loader)
        """,
        """
        import torch
        def test_attack(model, loader):
            model.eval()
            for x, y in loader:
                loss = criterion(model(x), y)
                (direction,) = torch.autograd.grad(loss, x)
        """,
        """
        import torch
        import pytorch_lightning as pl
        class Lit(pl.LightningModule):
            def validation_epoch(self, loader):
                for x, y in loader:
                    self.model(x)
        """,
        """
        import torch
        def train(model, loader):
            teacher.eval()
            for x, y in loader:
                criterion(model(x), teacher(x)).backward()
                optimizer.step()
            for p in held_out_loader:
                print(model.generate(p))
        """,
        """
        import torch
        def evaluate(model, loader, stack):
            stack.enter_context(torch.no_grad())
            model.eval()
            for x, y in loader:
                count(model(x), y)
        """,
        """
        import torch
        for x, y in test_loader:
            print(model(x, y))  # it may be a client of a service
        """,
        """
        import torch
        model.eval()
        torch.set_grad_enabled(False)
        for x, y in test_loader:
            count(model(x), y)
        """,
    )
    INVALID = (
        """
        import torch
        def evaluate(model, loader):
            model.eval()
            for x, y in loader:  # <-
                count(model(x.to(device)), y)
        evaluate(model, test_loader)
        """,
        """
        import torch
        model.eval()
        for batch in tqdm(test_loader):  # <-
            right += (model(batch["image"]).argmax(1) == batch["label"]).sum()
        model.train()
        for x, y in loader:
            model(x).mean().backward()
        """,
        """
        import torch
        def test(net, test_loader):
            total = 0
            for i, (x, y) in enumerate(test_loader):  # <-
                total += criterion(net(x.cuda()), y.cuda()).item()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return what such loops walk over."""
        if facts.is_test_code or not facts.names.imports("torch"):
            return ()
        loops = (loop for loop in facts.syntax.loops if isinstance(loop, ast.For))
        return (loop.iter for loop in loops if facts.evaluations.wasted(loop))

    def visit_For(self, node: cst.For) -> None:
        """Flag a loop of evaluation with a model in it and autograd on."""
        source = self.facts.counterpart(node.iter)
        loop = self.facts.syntax.parent(source) if source else None
        if self.facts.is_test_code or not self.facts.names.imports("torch"):
            return
        if not isinstance(loop, ast.For) or loop.iter is not source:
            return
        call = self.facts.evaluations.wasted(loop)
        if call is not None:
            message = f"autograd records a graph of `{ast.unparse(call.func)}` in evaluation"
            self.report(node.iter, message, confidence=Confidence.LIKELY)
