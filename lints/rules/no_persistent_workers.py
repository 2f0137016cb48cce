"""PFL207 no-persistent-workers."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..keywords import Absent
from ..rule import Rule


class NoPersistentWorkers(Rule):
    """A `DataLoader` with workers is walked over in every epoch, and starts its workers each time.

    ## Why it is slow
    Without `persistent_workers=True` the worker processes end with each epoch. At the start of the
    next one they are started again, import everything again, and the GPU waits for the first batch.

    ## Instead
    Pass `persistent_workers=True`, and measure: short epochs gain most.

    ## When it is fine
    Where epochs are long, where the dataset relies on fresh workers, and where memory is short:
    persistent workers keep theirs.

    ## Source
    `torch.utils.data.DataLoader` documentation; against it: pytorch #62066, fairseq #4524.
    """

    code = "PFL207"
    tokens = ("DataLoader",)
    severity = Severity.INFO
    hot_only = False
    preview = True
    since = (1, 7)

    VALID = (
        """
        import torch
        from torch.utils.data import DataLoader
        loader = DataLoader(dataset, num_workers=4, persistent_workers=True)
        other = DataLoader(dataset, num_workers=args.workers, persistent_workers=args.workers > 0)
        for epoch in range(9):
            for x in loader:
                model(x.cuda()).mean().backward()
                optimizer.step()
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        loader = DataLoader(dataset, num_workers=4)
        for x in loader:
            model(x.cuda()).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        loader = DataLoader(dataset, num_workers=args.workers)
        for epoch in range(9):
            for x in loader:
                model(x.cuda()).mean().backward()
                optimizer.step()
        """,
    )
    INVALID = (
        """
        import torch
        from torch.utils.data import DataLoader
        loader = DataLoader(dataset, num_workers=4)  # <-
        for epoch in range(9):
            for x in loader:
                model(x.cuda()).mean().backward()
                optimizer.step()
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        def run(data):
            loader = DataLoader(data, 8, True, None, None, 2, persistent_workers=False)  # <-
            for epoch in range(9):
                train(loader)
        def train(loader):
            for x in loader:
                model(x.cuda()).mean().backward()
                optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that make loaders."""
        return facts.loaders.calls

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a loader with workers that end with each epoch."""
        call, loaders = self.facts.call(node), self.facts.loaders
        if call is None or not loaders.is_loader(call) or self.facts.is_test_code:
            return
        kept = loaders.option(call, "persistent_workers")
        ends = kept is Absent.ABSENT or (isinstance(kept, ast.Constant) and not kept.value)
        if ends and loaders.has_workers(call) and loaders.uses.trains_each_epoch(call):
            self.report(node, "the workers of this loader are started anew in every epoch")
