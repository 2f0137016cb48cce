"""PFL804 numpy-in-forward."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..bindings import How
from ..facts import Facts
from ..nodes import within
from ..outside import Place
from ..rule import Rule

_TAKES_ARRAYS = {
    *("torch.from_numpy", "torch.tensor", "torch.as_tensor", "torch.FloatTensor"),
    *("torch.LongTensor", "torch.Tensor"),
}
_MAKES = ("numpy.random.", "numpy.linspace", "numpy.arange", "numpy.zeros", "numpy.ones")


class NumpyInForward(Rule):
    """A `forward` makes an array with numpy and turns it into a tensor.

    ## Why it is slow
    The host works out the array while the GPU waits for what comes next, and the copy to the device
    makes the CPU wait as well. `torch.compile` has to break the graph there, or to trace numpy.

    ## Instead
    The same function of torch, with `device=x.device`. What depends on no input belongs in a
    buffer.

    ## When it is fine
    Where the numbers must be those of numpy's random generator, and in code that runs once.

    ## Source
    PyTorch's performance tuning guide, "Create tensors directly on the target device".
    """

    code = "PFL804"
    tokens = ("numpy",)
    needs_accelerator = True

    VALID = (
        """
        import numpy as np
        import torch
        class Net(torch.nn.Module):
            def __init__(self):
                self.grid = torch.from_numpy(np.arange(9))
            def forward(self, x):
                return x / np.sqrt(x.shape[-1]) * np.random.rand()
        """,
        """
        import numpy as np
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                if not self.training:
                    return torch.from_numpy(np.zeros(3))
                return torch.zeros(3, device=x.device)
        """,
        """
        import numpy as np
        import torch
        def load(path):
            return torch.from_numpy(np.random.rand(3))
        """,
    )
    INVALID = (
        """
        import numpy as np
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                noise = torch.from_numpy(np.random.randn(3)).to(x.device)  # <-
                return x + noise
        """,
        """
        import numpy as np
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                order = np.arange(x.shape[1])[::-1]
                return x[:, torch.tensor(order.copy(), device=x.device)]  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that make a tensor of what may be an array."""
        return (c for c in facts.syntax.calls if facts.names.of(c.func) in _TAKES_ARRAYS)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a tensor made of an array that the same `forward` makes."""
        call = self.facts.call(node)
        if call is None or not call.args or self.facts.name(node.func) not in _TAKES_ARRAYS:
            return
        hot = self.facts.hot(node)
        if hot is None or hot.place is not Place.FORWARD or not self._is_made_here(call.args[0]):
            return
        self.report(
            node,
            "an array of numpy is made and copied to the device in every step",
            why=hot.why,
            severity=self.facts.severity(self.severity, hot),
        )

    def _is_made_here(self, node: ast.expr, depth: int = 3) -> bool:
        for part in within(node):
            if isinstance(part, ast.Call):
                name = self.facts.names.of(part.func) or ""
                if name.startswith(_MAKES):
                    return True
            if isinstance(part, ast.Name) and depth:
                found = self.facts.bindings.reaching(part, (part.id,))
                sources = [b.source for b in found if b.how is How.ASSIGN and not b.at]
                if any(
                    isinstance(s, ast.expr) and self._is_made_here(s, depth - 1) for s in sources
                ):
                    return True
        return False
