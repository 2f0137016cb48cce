"""PFL507 object-collective-in-hot-path."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..collectives import Collective
from ..facts import Facts
from ..outside import Place
from ..rule import Cost, Rule


class ObjectCollectiveInHotPath(Rule):
    """Python objects are sent between processes (`all_gather_object`) in every training step.

    ## Why it is slow
    Each object is pickled, its size is exchanged first, and with NCCL the bytes are copied to the
    device and back. The CPU waits for the device several times before the step goes on.

    ## Instead
    Exchange one tensor, `torch.stack([loss.detach(), ...])`, or gather objects every N steps.

    ## When it is fine
    Every N steps, in evaluation, and once at the start.

    ## Source
    PyTorch documentation of `torch.distributed.all_gather_object`: it pickles, and moves the
    tensors of NCCL groups to the device and back.
    """

    code = "PFL507"
    cost = Cost.COLLECTIVE
    tokens = ("_object",)

    VALID = (
        """
        import torch
        import torch.distributed as dist
        for step, x in enumerate(loader):
            model(x).mean().backward()
            optimizer.step()
            if step % 100 == 0:
                dist.all_gather_object(every, mine)
        """,
        """
        import torch
        import torch.distributed as dist
        @torch.no_grad()
        def evaluate(model, loader):
            for x in loader:
                dist.all_gather_object(every, model(x))
        """,
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            scene.gather_object(x)
        """,
    )
    INVALID = (
        """
        import torch
        import torch.distributed as dist
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            dist.all_gather_object(every, mine)  # <-
        """,
        """
        import torch
        from accelerate.utils import gather_object
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            names = gather_object(x["names"])  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the collectives of objects."""
        kind = facts.collectives.kind
        return (call for call in facts.syntax.calls if kind(call) is Collective.OBJECT)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a collective of objects where it runs in every step."""
        call = self.facts.call(node)
        if call is None or self.facts.collectives.kind(call) is not Collective.OBJECT:
            return
        hot = self.facts.hot(node)
        if hot is not None and hot.place is not Place.FORWARD:
            self.report(node, "objects are pickled and exchanged in every step", why=hot.why)
