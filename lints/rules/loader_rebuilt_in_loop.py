"""PFL209 loader-rebuilt-in-loop."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..outside import Place
from ..rule import Rule


class LoaderRebuiltInLoop(Rule):
    """A `DataLoader`, or its iterator, is made anew in every training step.

    ## Why it is slow
    Each new iterator starts the worker processes, shuffles the whole index and fills the queue,
    only to hand out one batch and be thrown away.

    ## Instead
    Make the loader before the loop, keep one iterator (`batches = iter(loader)`) and make a new one
    only when it is used up (`except StopIteration`).

    ## When it is fine
    Once per epoch, where the sampler depends on the epoch.

    ## Source
    `torch.utils.data` documentation ("Multi-process data loading"): workers are created each time
    an iterator of a `DataLoader` is created.
    """

    preview = True
    code = "PFL209"
    tokens = ("DataLoader", "iter(", "loader")

    VALID = (
        """
        import torch
        from torch.utils.data import DataLoader
        for epoch in range(9):
            loader = DataLoader(dataset, sampler=Weighted(epoch))
            for x, y in loader:
                model(x).mean().backward()
                optimizer.step()
        """,
        """
        import torch
        batches = iter(loader)
        for step in range(9):
            try:
                x = next(batches)
            except StopIteration:
                batches = iter(loader)
                x = next(batches)
            model(x).mean().backward()
            optimizer.step()
            if step % 100 == 0:
                show(next(iter(val_loader)))
        """,
        """
        import torch
        for x in loader:
            weights = next(iter(model.parameters()))
            model(x).mean().backward()
            optimizer.step()
        """,
    )
    INVALID = (
        """
        import torch
        for step in range(9):
            x, y = next(iter(train_loader))  # <-
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        for step in range(9):
            loader = DataLoader(dataset, shuffle=True)  # <-
            x, y = next(iter(loader))  # <-
            model(x).mean().backward()
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that make a loader or a batch of a new iterator."""
        calls = [*facts.syntax.calls_to("next"), *facts.loaders.calls]
        return (call for call in calls if facts.is_hot(call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a new loader, and `next(iter(loader))`, in a step."""
        call, hot = self.facts.call(node), self.facts.hot(node)
        if call is None or hot is None or hot.place is Place.FORWARD:
            return
        loaders = self.facts.loaders
        source = _first_of(call)
        if loaders.is_loader(call) and not loaders.uses.loops_over(call):
            self.report(node, "a new `DataLoader` in every step", why=hot.why)
        elif source is not None and loaders.seems_loader(source):
            self.report(node, "a new iterator of a `DataLoader` in every step", why=hot.why)


def _first_of(call: ast.Call) -> ast.expr | None:
    """Return `x` of `next(iter(x))`."""
    match call:
        case ast.Call(
            func=ast.Name(id="next"),
            args=[ast.Call(func=ast.Name(id="iter"), args=[source]), *_],
        ):
            return source
    return None
