"""PFL801 tensor-element-loop."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..outside import Place
from ..rule import Rule


class TensorElementLoop(Rule):
    """A Python loop takes a tensor on the device element by element.

    ## Why it is slow
    Each turn launches kernels of its own for one element, some microseconds of the CPU's time each,
    where one operation over the whole tensor would do.

    ## Instead
    Operations over whole tensors: broadcasting, `torch.where`, `scatter`, `cumsum`,
    `torch.vmap`.

    ## When it is fine
    Over few elements that are large themselves (the layers of a stacked tensor), and where each
    step depends on the one before, as in a recurrence without a kernel of its own.

    ## Source
    `torch.profiler`'s pattern matcher knows the same pattern ("ForLoopIndexing"), and has it
    switched off, as this rule is.
    """

    code = "PFL801"
    tokens = ("for ",)
    preview = True

    VALID = (
        """
        import torch
        for x in loader:
            out = model(x)
            for layer in layers:
                out = layer(out)
            out.mean().backward()
            optimizer.step()
        """,
        """
        import torch
        for x in loader:
            out = model(x)
            out.mean().backward()
            optimizer.step()
            for value in out.tolist():
                seen.append(value)
        """,
        """
        import torch
        def evaluate(model, x):
            for value in model(x).argmax(1):
                print(value)
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:
            out = model(x)
            loss = out.mean()
            loss.backward()
            optimizer.step()
            for value in out.argmax(1):  # <-
                counts[value] += 1
        """,
        """
        import torch
        for x in loader:
            loss = model(x).mean()
            loss.backward()
            optimizer.step()
            scores = torch.sigmoid(loss)
            for score in scores:  # <-
                best = torch.maximum(best, score)
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the heads of all loops in every step."""
        return (loop.iter for loop in facts.syntax.nodes(ast.For) if facts.regions.hot(loop))

    def visit_For(self, node: cst.For) -> None:
        """Flag a loop over a tensor."""
        source = self.facts.counterpart(node.iter)
        hot = self.facts.hot(node.iter)
        if source is None or hot is None or hot.place is Place.FORWARD:
            return
        value = self.facts.dataflow.value(source)
        if value.is_tensor and value.on_device:
            self.report(node.iter, "a tensor is taken element by element", why=hot.why)
