"""PFL110 boolean-mask-index."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..outside import Place
from ..sync_rule import SyncRule

_CHECKS = {"isnan", "isinf", "isfinite", "bool", "logical_and", "logical_or", "logical_not"}
_COMPARES = {"eq", "ne", "lt", "le", "gt", "ge"}


class BooleanMaskIndex(SyncRule):
    """A tensor on the device is indexed by a mask (`x[mask]`) in every training step.

    ## Why it is slow
    How many elements the mask selects is only known on the GPU. The CPU waits for the count, since
    the shape of the result depends on it.

    ## Instead
    Keep the shape: `torch.where(mask, x, 0)`, `x.masked_fill(~mask, 0)`, or a mean weighted by the
    mask: `(x * mask).sum() / mask.sum()`.

    ## When it is fine
    For assignments of one number, `x[mask] = 0`: they do not wait. Every N steps, on the host, and
    where the shorter result saves more compute than the wait costs.

    ## Source
    pytorch/pytorch issue 12461; NVIDIA's list of synchronization patterns (`perf-torch-sync-free`),
    7.
    """

    code = "PFL110"
    tokens = ("[",)
    preview = True

    VALID = (
        """
        import torch
        for x, y in loader:
            x = x.cuda()
            mask = x > 0
            x[mask] = 0
            x[mask] += 1
            first = x[0], x[:, 1], x[y.argmax(1)], rows[mask]
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        for step, (x, y) in enumerate(loader):
            out = model(x)
            out.mean().backward()
            optimizer.step()
            if step % 100 == 0:
                print(out[out > 0].mean())  # <- info
        print(out[out > 0].mean())
        """,
        """
        import torch
        for x, y in loader:
            model(x).mean().backward()
            optimizer.step()
            kept = y[y > 0]
        """,
    )
    INVALID = (
        """
        import torch
        for x, y in loader:
            out = model(x.cuda())
            mask = out > 0
            loss = out[mask].mean()  # <-
            loss = loss + out[~torch.isnan(out)].sum()  # <-
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        def step(model, optimizer, batch):
            out = model(batch)
            kept = out.sum(1)[(out[:, 0] > 0) & (out[:, 1] > 0)]  # <-
            kept.mean().backward()
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return what is read by an index that may be a mask."""
        for node in facts.syntax.nodes(ast.Subscript):
            read = isinstance(node.ctx, ast.Load) and not isinstance(node.slice, ast.Constant)
            if read and facts.runs(node) and _is_mask(facts, node.slice):
                yield node

    def visit_Subscript(self, node: cst.Subscript) -> None:
        """Flag `x[mask]` where it is read."""
        found, hot = self.facts.counterpart(node), self.facts.hot_or_noted(node)
        if not isinstance(found, ast.Subscript) or not isinstance(found.ctx, ast.Load):
            return
        value = self.facts.dataflow.value(found.value)
        if hot is None or hot.place is Place.FORWARD or not value.on_device:
            return
        if _is_mask(self.facts, found.slice):
            self.says(node, value, "the CPU waits for the count of a mask")


def _is_mask(facts: Facts, node: ast.expr, depth: int = 4) -> bool:
    """Whether this is a tensor of truth values for certain: a comparison, or made of such."""
    match node:
        case ast.Compare():
            return facts.dataflow.value(node).is_device_tensor
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            return _is_mask(facts, operand, depth)
        case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr(), right=right):
            return _is_mask(facts, left, depth) or _is_mask(facts, right, depth)
        case ast.Call(func=ast.Attribute(attr=name)) if name in _CHECKS | _COMPARES:
            return facts.dataflow.value(node).is_device_tensor
        case ast.Name() if depth and (source := facts.source_of(node)) is not None:
            return _is_mask(facts, source, depth - 1)
    return False
