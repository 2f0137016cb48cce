"""PFL501 data-parallel."""

import ast
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..nodes import keyword
from ..rule import Rule

_CLASS = "torch.nn.DataParallel"
_FUNCTION = "torch.nn.parallel.data_parallel"
_CALLS = {_CLASS, _FUNCTION, f"{_FUNCTION}.data_parallel"}
_RUNS = re.compile(
    r"eval|valid|infer|demo|test|predict|extract|feature|featuriz|inception|export|interface", re.I
)


_ASKS = re.compile(r"isinstance\(.*DataParallel")


class DataParallel(Rule):
    """`torch.nn.DataParallel` splits every batch over the GPUs from one Python process.

    ## Why it is slow
    In every step it copies the module to each GPU, scatters the batch, and gathers the outputs on
    the first GPU. The threads that drive the GPUs share one interpreter lock.

    ## Instead
    `torch.nn.parallel.DistributedDataParallel` with one process per GPU, also on a single machine.

    ## When it is fine
    In a notebook or a quick look at a model, where starting processes is not worth it. With one
    device nothing is split, and that is left alone; in scripts that evaluate it is `info`.
    """

    code = "PFL501"
    tokens = ("DataParallel", "data_parallel")
    hot_only = False
    needs_accelerator = True

    VALID = (
        """
        import torch
        model = torch.nn.parallel.DistributedDataParallel(model)
        """,
        """
        import torch
        from torch import nn
        if isinstance(model, nn.DataParallel):
            model = model.module
        """,
        """
        from elsewhere import DataParallel
        model = DataParallel(model)
        """,
        """
        import torch
        model = torch.nn.DataParallel(model, device_ids=[0])
        def wrap(model):
            return torch.nn.DataParallel(model)
        """,
        """
        from torch.nn import DataParallel
        class WithCallback(DataParallel):
            pass
        if isinstance(model, DataParallel):
            model = WithCallback(model.module)
        """,
    )
    INVALID = (
        """
        import torch.nn as nn
        model = nn.DataParallel(model).cuda()  # <-
        """,
        """
        from torch.nn.parallel import DataParallel as DP
        if torch.cuda.device_count() > 1:
            model = DP(model, device_ids=[0, 1])  # <-
        """,
        """
        import torch.nn as nn
        class Net(nn.Module):
            def forward(self, x):
                out = nn.parallel.data_parallel(self.main, x, range(self.ngpu))  # <-
                return out
        """,
        """
        from torch.nn import DataParallel
        class Parallel(DataParallel):
            def __getattr__(self, name):
                return getattr(self.module, name)
        model = Parallel(model)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls of the class."""
        return (call for call in facts.syntax.calls if _named(facts, call) in _CALLS)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a call of the class, under whichever name, that splits a model over GPUs."""
        call = self.facts.call(node)
        if call is None or _named(self.facts, call) not in _CALLS or self.facts.is_test_code:
            return
        devices = keyword(call, "device_ids")
        single = isinstance(devices, ast.List | ast.Tuple) and len(devices.elts) < 2
        # Who returns the wrapped model offers it to others, who choose.
        returned = isinstance(self.facts.syntax.parent(call), ast.Return)
        if self._replaces_one(call) or single or (returned and _named(self.facts, call) == _CLASS):
            return
        self.report(
            node,
            "`DataParallel` copies the module to every GPU in each step",
            severity=Severity.INFO if self._evaluates(call) else self.severity,
        )

    def _replaces_one(self, call: ast.Call) -> bool:
        """Whether the code around asks for a model that is wrapped already, to wrap it anew."""
        for _, parent in self.facts.syntax.ancestors(call):
            if isinstance(parent, ast.If) and _ASKS.search(ast.unparse(parent.test)):
                return True
        return False

    def _evaluates(self, call: ast.Call) -> bool:
        """Whether the file, or the function around, runs a model rather than trains it."""
        function = self.facts.syntax.function(call)
        names = (PurePosixPath(self.facts.path).stem, function.name if function else "")
        return any(_RUNS.search(name) and "train" not in name.lower() for name in names)


def _named(facts: Facts, call: ast.Call) -> str | None:
    """Return the full name of what is called; of a class that derives from the one, that one's."""
    name = facts.names.of(call.func)
    if name is not None:
        return _CLASS if _CLASS in facts.names.outside.bases(name) else name
    home = facts.names.definition(call.func)
    derived = isinstance(home, ast.ClassDef) and _CLASS in facts.names.bases(home)
    return _CLASS if derived else None
