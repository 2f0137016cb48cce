"""PFL118 python-slice-with-tensor."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..sync_rule import SyncRule, device_tensor


class PythonSliceWithTensor(SyncRule):
    """A tensor on the device is the bound of a slice or range (`x[:n]`, `range(n)`) in every step.

    ## Why it is slow
    The bound has to be a Python number. The CPU reads it from the GPU, and waits until that has
    finished all that was queued before.

    ## Instead
    Take bounds from shapes, or from lengths that stayed on the host. Where they are only known on
    the device, mask instead: `torch.arange(x.shape[0], device=x.device) < n`.

    ## When it is fine
    For Python numbers, on the host, and every N steps.

    ## Source
    NVIDIA's list of synchronization patterns (`perf-torch-sync-free`), 6.
    """

    code = "PFL118"
    preview = True
    tokens = ("[", "range(")

    VALID = (
        """
        import torch
        for x, lengths in loader:
            out = model(x.cuda())
            n = out.shape[0]
            a = out[:n], out[: len(x)], range(n), out[lengths], x[: lengths[0]]
            out.mean().backward()
            optimizer.step()
        """,
        """
        import torch
        for step, x in enumerate(loader):
            out = model(x.cuda())
            out.mean().backward()
            optimizer.step()
            if step % 50 == 0:
                show(out[: out.argmax()])  # <- info
        """,
        """
        import torch
        def first(x):
            n = x.cuda().argmax()
            return x[:n]
        """,
    )
    INVALID = (
        """
        import torch
        for x, y in loader:
            out = model(x.cuda())
            n = out.argmax()
            part = out[:n]  # <-
            for place in range(n):  # <-
                part = part + out[place : place + n, 0]  # <-
            part.mean().backward()
            optimizer.step()
        """,
        """
        import torch
        def step(model, optimizer, batch):
            out = model(batch)
            places = torch.arange(out.max(), device=out.device)  # <-
            out.mean().backward()
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the bounds that are tensors."""
        nodes = (*facts.syntax.nodes(ast.Subscript), *facts.syntax.calls_to("range", "arange"))
        return (node for node in nodes if facts.runs(node) and _bound(facts, node))

    def visit_Subscript(self, node: cst.Subscript) -> None:
        """Flag `x[:n]`."""
        self._check(node, "a tensor as the bound of a slice waits for the device")

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `range(n)`."""
        self._check(node, "a tensor as the bound of a range waits for the device")

    def _check(self, node: cst.BaseExpression, message: str) -> None:
        found = self.facts.counterpart(node)
        bounds = _bounds(self.facts, found) if found is not None else ()
        if value := device_tensor(self.facts, bounds):
            self.says(node, value, message)


def _bound(facts: Facts, node: ast.AST) -> bool:
    return device_tensor(facts, _bounds(facts, node)) is not None


def _bounds(facts: Facts, node: ast.AST) -> Iterable[ast.expr]:
    match node:
        case ast.Subscript(slice=ast.Slice() as part):
            return _ends(part)
        case ast.Subscript(slice=ast.Tuple(elts=parts)):
            return [end for part in parts if isinstance(part, ast.Slice) for end in _ends(part)]
        case ast.Call(func=func, args=args):
            ranges = facts.names.builtin(func) == "range" or facts.names.of(func) == "torch.arange"
            return args if ranges else ()
    return ()


def _ends(part: ast.Slice) -> list[ast.expr]:
    return [end for end in (part.lower, part.upper, part.step) if end is not None]
