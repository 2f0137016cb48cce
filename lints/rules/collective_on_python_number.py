"""PFL505 collective-on-python-number."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..collectives import Collective
from ..facts import Facts
from ..rule import Cost, Rule


class CollectiveOnPythonNumber(Rule):
    """Numbers of Python become a tensor in every step, to be reduced over all processes.

    ## Why it is slow
    `torch.tensor(x, device=...)` copies from the host and waits; the collective waits for the
    slowest process; and reading the result (`.item()`) waits for the device. Three stops in each
    step, for one number.

    ## Instead
    Keep the number on the device from the start, or add up on each process and reduce every N
    steps. What only the host knows can go over a `gloo` group, without the device.

    ## When it is fine
    Every N steps, and in evaluation.

    ## Source
    fairchem pull request 2203 (an all-reduce of an integer in each step, among other stops:
    152.2 to 144.6 ms per step on 8 GPUs).
    """

    code = "PFL505"
    cost = Cost.COLLECTIVE
    tokens = ("reduce", "gather")

    VALID = (
        """
        import torch
        import torch.distributed as dist
        for step, x in enumerate(loader):
            loss = model(x).mean()
            loss.backward()
            optimizer.step()
            if step % 100 == 0:
                seen = torch.tensor(count, device="cuda")
                dist.all_reduce(seen)
        """,
        """
        import torch
        import torch.distributed as dist
        total = torch.tensor([loss_sum, count], device="cuda")
        dist.all_reduce(total)
        for x in loader:
            loss = model(x).mean()
            loss.backward()
            optimizer.step()
            dist.all_reduce(loss)
        """,
        """
        import torch
        import torch.distributed as dist
        def test(model, loader):
            for x in loader:
                count = torch.tensor(len(x)).cuda()
                dist.all_reduce(count)
        """,
    )
    INVALID = (
        """
        import torch
        import torch.distributed as dist
        for x in loader:
            loss = model(x).mean()
            loss.backward()
            optimizer.step()
            seen = torch.tensor([len(x), 1.0], device="cuda")
            dist.all_reduce(seen)  # <-
        """,
        """
        import torch
        import torch.distributed as dist
        def all_reduce_mean(x):
            x_reduce = torch.tensor(x).cuda()
            dist.all_reduce(x_reduce)  # <-
            return x_reduce.item()

        for x in loader:
            loss = model(x).mean()
            loss.backward()
            optimizer.step()
            mean = all_reduce_mean(loss.item())
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the collectives of tensors."""
        kind = facts.collectives.kind
        return (call for call in facts.syntax.calls if kind(call) is Collective.TENSOR)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a collective of a tensor that was just made of numbers."""
        call, collectives = self.facts.call(node), self.facts.collectives
        if call is None or collectives.kind(call) is not Collective.TENSOR:
            return
        hot = self.facts.hot(node)
        made = collectives.made_of_numbers(call) if hot else None
        # One that was made before the loop is filled on the device.
        if hot is None or made is None or self.facts.regions.hot(made) is None:
            return
        self.report(
            node,
            "a collective for numbers that come from the host in every step",
            why=hot.why,
            severity=self.facts.severity(self.severity, hot),
        )
