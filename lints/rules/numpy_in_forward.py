"""PFL804 numpy-in-forward."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..bindings import How
from ..facts import Facts
from ..nodes import walk
from ..outside import Place
from ..rule import Rule

_TAKES_ARRAYS = {
    *("torch.from_numpy", "torch.tensor", "torch.as_tensor", "torch.FloatTensor"),
    *("torch.LongTensor", "torch.Tensor"),
}
_MAKES = (
    *("numpy.random.", "numpy.linspace", "numpy.arange", "numpy.zeros", "numpy.ones", "numpy.full"),
    "numpy.eye",
)
_RESHAPES = {"astype", "reshape", "copy", "flatten", "ravel", "transpose", "squeeze", "repeat"}


class NumpyInForward(Rule):
    """A `forward`, or a training step, makes an array with numpy and turns it into a tensor.

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
        """
        import numpy as np
        import torch
        Tensor = torch.cuda.FloatTensor if torch.cuda.is_available() else torch.FloatTensor
        for images in loader:
            z = Tensor(np.random.normal(0, 1, (images.shape[0], 100)))  # <-
            a = torch.from_numpy(np.random.rand(3)).float().cuda()  # <-
            b = torch.from_numpy(np.random.rand(3))
            c = Tensor(np.stack(names))
            loss = critic(generator(z), images)
            loss.backward()
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that make a tensor of what may be an array."""
        return (c for c in facts.syntax.calls if c.args and _takes_array(facts, c))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a tensor made of an array that the same code makes."""
        call = self.facts.call(node)
        if call is None or not call.args or not _takes_array(self.facts, call):
            return
        hot = self.facts.hot(node)
        if hot is None or self.facts.runs_on_host or not self._is_made_here(call.args[0]):
            return
        if hot.place is not Place.FORWARD and not self._goes_to_device(call):
            return
        self.report(
            node,
            "an array of numpy is made and copied to the device in every step",
            why=hot.why,
            severity=self.facts.severity(self.severity, hot),
        )

    def _goes_to_device(self, call: ast.Call) -> bool:
        """Whether the tensor is made on the device, or moved there by the same expression."""
        node: ast.AST = call
        while True:
            if self.facts.dataflow.value(node).on_device:
                return True
            parent = self.facts.syntax.parent(node)
            if not isinstance(parent, ast.Attribute) or parent.value is not node:
                return False
            call_of = self.facts.syntax.parent(parent)
            if not isinstance(call_of, ast.Call):
                return False
            node = call_of

    def _is_made_here(self, node: ast.expr, depth: int = 6) -> bool:
        """Whether this is an array of numpy's making, in whatever form, by names or not."""
        if not depth:
            return False
        match node:
            case ast.Call(func=func, args=args):
                name = self.facts.names.of(func) or ""
                if name.startswith(_MAKES):
                    return True
                if name.startswith("numpy."):
                    return any(self._is_made_here(arg, depth - 1) for arg in args)
                if not isinstance(func, ast.Attribute) or func.attr not in _RESHAPES:
                    return False
                return self._is_made_here(func.value, depth - 1)
            case ast.BinOp(left=left, right=right):
                return self._is_made_here(left, depth - 1) or self._is_made_here(right, depth - 1)
            case ast.Subscript(value=inner) | ast.UnaryOp(operand=inner):
                return self._is_made_here(inner, depth - 1)
            case ast.Name(id=name) if not self._is_filled(node):
                found = self.facts.bindings.reaching(node, (name,))
                made = [b.source for b in found if b.how is How.ASSIGN and not b.at]
                return any(
                    isinstance(m, ast.expr) and self._is_made_here(m, depth - 1) for m in made
                )
        return False

    def _is_filled(self, name: ast.Name) -> bool:
        """Whether something else puts its values into an array: they come from the host."""
        scope = self.facts.syntax.scope(name)
        for node in walk(scope):
            match node:
                case ast.Subscript(value=ast.Name(id=filled), ctx=ast.Store()) if filled == name.id:
                    return True
                case ast.Call(args=args) if any(_names(arg, name.id) for arg in args):
                    called = self.facts.names.of(node.func) or ""
                    if not called.startswith(("torch.", "numpy.")) and not _takes_array(
                        self.facts, node
                    ):
                        return True
        return False


def _names(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _takes_array(facts: Facts, call: ast.Call) -> bool:
    """Whether a call makes a tensor of what it is given."""
    return facts.names.of(call.func) in _TAKES_ARRAYS or facts.factories.is_device_type(call)
