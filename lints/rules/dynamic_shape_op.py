"""PFL109 dynamic-shape-op."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..nodes import keyword
from ..outside import Place
from ..sync_rule import SyncRule

_NAMES = ("nonzero", "argwhere", "masked_select", "unique", "unique_consecutive", "bincount")


class DynamicShapeOp(SyncRule):
    """An operation whose result is as long as the data decides (`nonzero`, `unique`), in each step.

    ## Why it is slow
    The CPU has to know how much memory the result takes. It waits until the GPU has finished all
    that was queued before, counts, and only then goes on.

    ## Instead
    Keep the shape: `torch.where(mask, x, 0)`, sums weighted by the mask, `nonzero_static` with a
    size. Index lists that do not depend on the step belong before the loop.

    ## When it is fine
    On tensors that lie on the host (index building in a dataset), every N steps, and where the
    shorter result saves more compute than the wait costs. In a `forward` this rule is silent:
    whether the model needs it is not for a linter to say. `torch.where` with three arguments keeps
    the shape.

    ## Source
    The documentation of `torch.nonzero`: on CUDA tensors it "causes host-device synchronization";
    deepmodeling/deepmd-kit issue 3361 measured about 3 ms per step.
    """

    code = "PFL109"
    tokens = (*_NAMES, "where(")

    VALID = (
        """
        import torch
        for step, (x, y) in enumerate(loader):
            x = x.cuda()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            kept = torch.where(x > 0, x, 0)
            some = torch.nonzero_static(x, size=8)
            names = y.unique()
            if step % 100 == 0:
                print(x.unique())  # <- info
        """,
        """
        import torch
        from torch import nn
        class Net(nn.Module):
            def forward(self, x):
                return x[torch.nonzero(x.sum(1))]
        """,
        """
        import torch
        for x, y in loader:
            out = model(x)
            out.mean().backward()
            optimizer.step()
            count = torch.bincount(y)
            codes = frame.unique()
            seen = torch.unique(y), y.nonzero()
            host = out.detach().cpu().unique()
        torch.unique(out)
        """,
    )
    INVALID = (
        """
        import torch
        for x, y in loader:
            x = x.cuda()
            out = model(x)
            found = torch.nonzero(out > 0)  # <-
            rows, columns = torch.where(out > 0)  # <-
            names = out.argmax(1).unique()  # <-
            picked = out.masked_select(x > 0)  # <-
            counts = torch.bincount(out.argmax(1))  # <-
            out.mean().backward()
            optimizer.step()
        """,
        """
        import torch
        def step(model, optimizer, batch):
            out = model(batch)
            optimizer.zero_grad()
            out[(out > 0).nonzero()].sum().backward()  # <-
            optimizer.step()
        """,
        """
        import torch
        for x, y in loader:
            y = y.cuda()
            out = model(x.to(device))
            places = out.nonzero()  # <-
            classes = torch.unique(y)  # <-
            counts = torch.bincount(x.cuda())  # <-
            found = torch.argwhere(out)  # <-
            kept = out.masked_select(mask)  # <-
            criterion(out, y).backward()
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls of such operations."""
        return facts.syntax.calls_to(*_NAMES, "where")

    def visit_Call(self, node: cst.Call) -> None:
        """Flag the operation on a tensor that lies on the device."""
        call = self.facts.call(node)
        tensor = _operand(self.facts, call) if call else None
        if call is None or tensor is None:
            return
        # What is given to such an operation is a tensor, whatever else a batch or an output may be.
        value = self.facts.dataflow.value(tensor).as_tensor
        hot = self.facts.hot_or_noted(node)
        if hot is None or hot.place is Place.FORWARD or not value.is_device_tensor:
            return
        message = "the CPU waits for the length of the result"
        self.says(node, value, message)


def _operand(facts: Facts, call: ast.Call) -> ast.expr | None:
    """Return the tensor that an operation of varying length is given."""
    name = facts.names.of(call.func) or ""
    if name.startswith("torch."):
        last = name.rpartition(".")[2]
        sized = last == "where" and len(call.args) + len(call.keywords) > 1
        known = last in _NAMES or last == "where"
        return call.args[0] if known and call.args and not sized else None
    if name or not isinstance(call.func, ast.Attribute) or call.func.attr not in _NAMES:
        return None
    return call.func.value if keyword(call, "size") is None else None
