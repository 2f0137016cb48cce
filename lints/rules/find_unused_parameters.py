"""PFL502 find-unused-parameters."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..nodes import keyword
from ..rule import Rule

_OPTION = "find_unused_parameters"


class FindUnusedParameters(Rule):
    """`DistributedDataParallel` looks for unused parameters in every step.

    ## Why it is slow
    After each forward pass it walks through the whole autograd graph, on the CPU, before the
    backward pass may start.

    ## Instead
    Leave it out where every parameter takes part in the loss (PyTorch warns where it found none
    unused). Where always the same ones are left out, `static_graph=True` looks only once.

    ## When it is fine
    Where the model takes other branches from step to step.

    ## Source
    PyTorch documentation of `DistributedDataParallel` ("extra traversal of the autograd graph every
    iteration").
    """

    code = "PFL502"
    tokens = (_OPTION,)
    severity = Severity.INFO
    hot_only = False

    VALID = (
        """
        import torch
        from torch.nn.parallel import DistributedDataParallel as DDP
        model = DDP(model, find_unused_parameters=False)
        model = DDP(model, find_unused_parameters=args.unused)
        """,
        """
        import torch
        from torch.nn.parallel import DistributedDataParallel as DDP
        model = DDP(model, find_unused_parameters=True, static_graph=True)
        """,
        """
        import torch
        print("find_unused_parameters=True")
        """,
    )
    INVALID = (
        """
        import torch
        model = torch.nn.parallel.DistributedDataParallel(
            model, find_unused_parameters=True  # <-
        )
        """,
        """
        from lightning.pytorch.strategies import DDPStrategy
        strategy = DDPStrategy(find_unused_parameters=True)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that pass the option."""
        return (call for call in facts.syntax.calls if keyword(call, _OPTION))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a literal `True`."""
        if self.facts.is_test_code:
            return
        static = any(arg.keyword and arg.keyword.value == "static_graph" for arg in node.args)
        for arg in node.args:
            named = arg.keyword is not None and arg.keyword.value == _OPTION
            on = isinstance(arg.value, cst.Name) and arg.value.value == "True"
            if named and on and not static:
                self.report(arg, "the graph is searched for unused parameters in every step")
