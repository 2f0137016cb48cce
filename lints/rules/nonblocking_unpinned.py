"""PFL204 nonblocking-unpinned."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..copies import is_copy, is_true
from ..facts import Facts
from ..finding import Severity
from ..nodes import keyword
from ..rule import Rule


class NonblockingUnpinned(Rule):
    """A batch of a loader that does not pin is copied with `non_blocking=True`, to no effect.

    ## Why it is slow
    From pageable memory the driver copies into a buffer of its own first, and the CPU waits for
    that. `non_blocking=True` then promises an overlap that does not happen.

    ## Instead
    Pass `pin_memory=torch.cuda.is_available()` to the loader.

    ## When it is fine
    Where the loader cannot pin: the argument does no harm.

    ## Source
    The PyTorch tutorial on `pin_memory` and `non_blocking`.
    """

    preview = True
    code = "PFL204"
    tokens = ("non_blocking",)
    severity = Severity.INFO
    needs_accelerator = True

    VALID = (
        """
        import torch
        from torch.utils.data import DataLoader
        loader = DataLoader(dataset, pin_memory=True)
        for x, y in loader:
            x = x.to(device, non_blocking=True)
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        for x, y in loader_from_elsewhere:
            x = x.to(device, non_blocking=True)
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        loader = DataLoader(dataset)
        for x, y in loader:
            x = x.to(device, non_blocking=False)
            model(x).mean().backward()
            optimizer.step()
        """,
    )
    INVALID = (
        """
        import torch
        from torch.utils.data import DataLoader
        loader = DataLoader(dataset)
        for x, y in loader:
            x = x.to(device, non_blocking=True)  # <-
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        def batches():
            return DataLoader(dataset, pin_memory=False)
        for batch in batches():
            model(batch["x"].cuda(non_blocking=True)).mean().backward()  # <-
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the copies that do not block."""
        calls = facts.syntax.calls_to("to", "cuda")
        return (call for call in calls if is_true(keyword(call, "non_blocking")))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `batch.to(device, non_blocking=True)` where the loader is known not to pin."""
        call = self.facts.call(node)
        if call is None or not isinstance(node.func, cst.Attribute) or not is_copy(call):
            return
        if not is_true(keyword(call, "non_blocking")):
            return
        source, hot = self.facts.value(node.func.value), self.facts.hot(node)
        if hot and source.batch and source.pinned is False:
            message = "`non_blocking=True` on a batch whose loader does not pin its memory"
            self.report(node, message, why=hot.why)
