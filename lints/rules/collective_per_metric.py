"""PFL504 collective-per-metric."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..collectives import Collective
from ..facts import Facts
from ..outside import Place
from ..rule import Cost, Rule


class CollectivePerMetric(Rule):
    """A loss or a metric is reduced over all processes in every step, only to be logged.

    ## Why it is slow
    A collective of one number costs as much as its latency, some tens of microseconds over several
    machines, and it stands in the same queue as those of the gradients. It also makes each process
    wait for the slowest in every step. Several metrics cost that several times.

    ## Instead
    Add the detached values up on each process, and reduce the sums every N steps, all in one
    tensor: `torch.stack([loss_sum, correct])`.

    ## When it is fine
    Every N steps, in evaluation, and where the reduced value decides what the step does.

    ## Source
    PyTorch documentation of `torch.distributed` (a synchronous collective returns when it is done,
    or queued on the device); fairchem pull request 2203 counts such a collective among what it
    removes (152.2 to 144.6 ms per step in all).
    """

    code = "PFL504"
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
                dist.all_reduce(loss)
        """,
        """
        import torch
        import torch.distributed as dist
        for x in loader:
            loss = model(x).mean()
            loss = reduce_loss(loss)
            loss.backward()
            for p in model.parameters():
                dist.all_reduce(p.grad)
            optimizer.step()
            features = dist.all_gather(parts, features)
            picked = loss_table.gather(0, x)
        """,
        """
        import torch
        import torch.distributed as dist
        def evaluate(model, loader):
            for x in loader:
                loss = model(x).mean()
                dist.all_reduce(loss)
        """,
    )
    INVALID = (
        """
        import torch
        import torch.distributed as dist
        for x, y in loader:
            out = model(x)
            loss = criterion(out, y)
            loss.backward()
            optimizer.step()
            logged = loss.detach().clone()
            dist.all_reduce(logged)  # <-
            acc = (out.argmax(1) == y).float().mean()
            dist.all_reduce(acc, op=dist.ReduceOp.SUM)  # <-
        """,
        """
        import torch
        import torch.distributed as dist
        def reduce_tensor(tensor, world):
            copy = tensor.clone()
            dist.all_reduce(copy)  # <-
            return copy / world

        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            meter.update(reduce_tensor(loss.data, 8))
        """,
        """
        import torch
        from .utils import reduce_mean
        for x, y in loader:
            loss = criterion(model(x), y)
            accelerator.backward(loss)
            optimizer.step()
            average = accelerator.gather(loss.repeat(8)).mean()  # <-
            other = reduce_mean(loss, world)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the collectives of tensors."""
        kind = facts.collectives.kind
        return (call for call in facts.syntax.calls if kind(call) is Collective.TENSOR)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a collective of a metric where it runs in every step."""
        call, collectives = self.facts.call(node), self.facts.collectives
        if call is None or collectives.kind(call) is not Collective.TENSOR:
            return
        hot = self.facts.hot(node)
        if hot is None or hot.place is Place.FORWARD or not collectives.is_metric(call):
            return
        if collectives.made_of_numbers(call) is None:
            self.report(node, "a collective for a metric in every step", why=hot.why)
