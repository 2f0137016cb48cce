"""PFL407 per-param-python-loop."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..rule import Rule


class PerParamPythonLoop(Rule):
    """A Python loop changes parameters, or their gradients, one by one in every step.

    ## Why it is slow
    Each parameter costs the launch of at least one small kernel, some microseconds of the CPU's
    time, and there are hundreds or thousands of parameters. The GPU has little to do meanwhile.

    ## Instead
    Hand over the whole list: `torch._foreach_mul_(grads, factor)`,
    `torch._foreach_lerp_(averages, parameters, 1 - decay)`, `torch.nn.utils.clip_grad_norm_` and
    `clip_grad_value_`, or `torch.optim.swa_utils.AveragedModel` with
    `get_ema_multi_avg_fn`. Each launches a few kernels for all of them.

    ## When it is fine
    Every N steps, for a handful of parameters, and in an optimizer of your own (left alone).

    ## Source
    PyTorch's `torch.optim` documentation, on why its own optimizers prefer `foreach` to a loop over
    parameters.
    """

    code = "PFL407"
    tokens = ("param",)
    since = (2, 0)
    needs_accelerator = True

    VALID = (
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            for p in model.parameters():
                p.requires_grad_(True)
                p.grad = None
                p.data = shards[p]
                seen += p.numel()
        """,
        """
        import torch
        for step, x in enumerate(loader):
            model(x).mean().backward()
            optimizer.step()
            if step % 100 == 0:
                for p, q in zip(average.parameters(), model.parameters()):
                    p.data.mul_(0.9).add_(q.data, alpha=0.1)
        """,
        """
        import torch
        for p in model.parameters():
            p.data.mul_(0.1)
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            for part in parts:
                part.mul_(2)
        """,
        """
        import torch
        class Mine(torch.optim.Optimizer):
            def step(self):
                for group in self.param_groups:
                    for p in group["params"]:
                        p.data.add_(p.grad, alpha=-1)

        optimizer = Mine(model.parameters())
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            for p in model.parameters():  # <-
                p.grad.data.clamp_(-1, 1)
            optimizer.step()
            for name, p in critic.named_parameters():  # <-
                if p.grad is not None:
                    p.grad = p.grad / world
        """,
        """
        import torch
        def update_ema(average, model, decay):
            for p, q in zip(average.parameters(), model.parameters()):  # <-
                p.data.mul_(decay).add_(q.data, alpha=1 - decay)

        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            update_ema(average, model, 0.99)
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the heads of the loops over parameters."""
        loops = facts.syntax.nodes(ast.For)
        return (loop.iter for loop in loops if facts.parameters.over_parameters(loop.iter))

    def visit_For(self, node: cst.For) -> None:
        """Flag the head of a loop that does arithmetic on each parameter in every step."""
        source = self.facts.counterpart(node.iter)
        loop = self.facts.syntax.parent(source) if source else None
        if not isinstance(loop, ast.For) or not self.facts.parameters.over_parameters(loop.iter):
            return
        hot = self.facts.regions.hot(loop.body[0])
        if hot is None or self._is_optimizer(loop) or not self.facts.parameters.updates(loop):
            return
        self.report(
            node.iter,
            "parameters are changed one by one in every step",
            why=hot.why,
            severity=self.facts.severity(self.severity, hot),
        )

    def _is_optimizer(self, loop: ast.For) -> bool:
        home = self.facts.names.own_class(loop)
        bases = self.facts.names.bases(home) if home else set()
        return any(base.endswith("Optimizer") for base in bases)
