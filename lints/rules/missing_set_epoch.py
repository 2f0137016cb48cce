"""PFL210 missing-set-epoch."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..rule import Rule


class MissingSetEpoch(Rule):
    """A `DistributedSampler` that shuffles feeds every epoch, and nobody calls its `set_epoch`.

    ## Why it is slow
    It is wrong rather than slow: without `set_epoch` the sampler shuffles with the same seed, so
    each epoch has the same order and each process sees the same part of the data with the same
    neighbours. Training then takes more epochs, or ends worse.

    ## Instead
    `sampler.set_epoch(epoch)` at the start of each epoch.

    ## When it is fine
    With `shuffle=False`, with a single epoch, and under Lightning, Accelerate and others that call
    it themselves.

    ## Source
    `torch.utils.data.distributed.DistributedSampler` documentation (its warning); transformers
    #4398, pytorch/examples #1074.
    """

    code = "PFL210"
    tokens = ("DistributedSampler",)
    hot_only = False

    VALID = (
        """
        import torch
        from torch.utils.data import DataLoader
        from torch.utils.data.distributed import DistributedSampler
        sampler = DistributedSampler(dataset)
        loader = DataLoader(dataset, sampler=sampler)
        for epoch in range(9):
            sampler.set_epoch(epoch)
            for x, y in loader:
                model(x).mean().backward()
                optimizer.step()
        """,
        """
        import torch
        from torch.utils.data import DataLoader, DistributedSampler
        sampler = DistributedSampler(dataset, shuffle=False)
        loader = DataLoader(dataset, sampler=sampler)
        for epoch in range(9):
            for x, y in loader:
                model(x).mean().backward()
                optimizer.step()
        """,
        """
        import torch
        from torch.utils.data import DataLoader, DistributedSampler
        loader = DataLoader(dataset, sampler=DistributedSampler(dataset))
        for x, y in loader:
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        from torch.utils.data import DataLoader, DistributedSampler
        loader = DataLoader(dataset, sampler=DistributedSampler(dataset))
        for epoch in range(9):
            train_one_epoch(model, loader)
        """,
        """
        import torch
        import pytorch_lightning
        from torch.utils.data import DataLoader, DistributedSampler
        loader = DataLoader(dataset, sampler=DistributedSampler(dataset))
        for epoch in range(9):
            for x, y in loader:
                model(x).mean().backward()
                optimizer.step()
        """,
    )
    INVALID = (
        """
        import torch
        from torch.utils.data import DataLoader
        from torch.utils.data.distributed import DistributedSampler
        sampler = DistributedSampler(dataset, shuffle=True)  # <-
        loader = DataLoader(dataset, sampler=sampler)
        for epoch in range(9):
            for x, y in loader:
                model(x).mean().backward()
                optimizer.step()
        """,
        """
        import torch
        from torch.utils.data import DataLoader, DistributedSampler, RandomSampler
        def run(dataset, distributed):
            if distributed:
                sampler = DistributedSampler(dataset)  # <-
            else:
                sampler = RandomSampler(dataset)
            loader = DataLoader(dataset, 8, sampler=sampler)
            for epoch in range(9):
                train(model, loader)

        def train(model, loader):
            for x, y in loader:
                model(x).mean().backward()
                optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the samplers of a file that never sets their epoch."""
        return (call for call in facts.syntax.calls if facts.samplers.forgets_epoch(call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag the making of a sampler whose loader is walked over in every epoch."""
        call = self.facts.call(node)
        if call is None or self.facts.is_test_code or not self.facts.samplers.forgets_epoch(call):
            return
        self.report(node, "every epoch has the same order: `set_epoch` is never called")
