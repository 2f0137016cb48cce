"""PFL119 cpu-index-on-device."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..sync_rule import SyncRule
from ..values import Device, Kind


class CpuIndexOnDevice(SyncRule):
    """A tensor on the device is indexed by a list, or by a tensor on the host, in every step.

    ## Why it is slow
    The index has to come to the device first. A list is made into a tensor on the host, that is
    copied from memory that is not pinned, and the CPU waits for the copy.

    ## Instead
    Make the index on the device once, before the loop or as a buffer of the module. One that comes
    with each batch travels best as part of it: pinned, and with `non_blocking=True`.

    ## When it is fine
    Slices and single numbers, which no copy is made for, every N steps, in evaluation, and where
    both tensors are on the host.

    ## Source
    NVIDIA's list of synchronization patterns (`perf-torch-sync-free`), 5.
    """

    code = "PFL119"
    tokens = ("[",)
    severity = Severity.INFO
    preview = True

    VALID = (
        """
        import torch
        for x, y in loader:
            out = model(x.cuda())
            first = out[0], out[:, 1], out[-1], out[..., None], out[1:3]
            loss = out.mean()
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        order = torch.tensor([2, 0, 1], device="cuda")
        for step, (x, y) in enumerate(loader):
            out = model(x.cuda())
            out[order].mean().backward()
            optimizer.step()
            if step % 100 == 0:
                show(out[[0, 1]])  # <- info
        """,
        """
        import torch
        for x, y in loader:
            model(x.cuda()).mean().backward()
            optimizer.step()
            kept = names[[0, 1]], y[[0, 1]]
            host = model(x.cuda()).cpu()
            chosen = host[[0, 1]]
            order = torch.randperm(9, device="cuda")
            mixed = x.cuda()[order]
        """,
    )
    INVALID = (
        """
        import torch
        for x, y in loader:
            out = model(x.cuda())
            loss = out[[2, 0, 1]].mean()  # <-
            loss = loss + out[:, [0, 2]].sum()  # <-
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        def step(model, optimizer, batch):
            out = model(batch.cuda())
            order = torch.randperm(len(batch))
            out[order].mean().backward()  # <-
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return what is read by a list, or by something made on the host."""
        for node in facts.syntax.nodes(ast.Subscript):
            read = isinstance(node.ctx, ast.Load) and not isinstance(node.slice, ast.Constant)
            if read and facts.runs(node) and _comes_from_host(facts, node.slice):
                yield node

    def visit_Subscript(self, node: cst.Subscript) -> None:
        """Flag `x[[0, 2]]` and `x[order]`, where `x` lies on the device and `order` does not."""
        found = self.facts.counterpart(node)
        if not isinstance(found, ast.Subscript) or not isinstance(found.ctx, ast.Load):
            return
        value = self.facts.dataflow.value(found.value)
        tensor = value.is_device_tensor or (value.on_device and not value.batch)
        if tensor and _comes_from_host(self.facts, found.slice):
            self.says(node, value, "the CPU waits for an index to be copied to the device")


def _comes_from_host(facts: Facts, index: ast.expr) -> bool:
    match index:
        case ast.Tuple(elts=parts):
            return any(_comes_from_host(facts, part) for part in parts)
        case ast.List(elts=[_, *_]) | ast.ListComp():
            return not facts.dataflow.value(index).holds_device_tensors
        case ast.Name():
            value = facts.dataflow.value(index)
            return value.kind is Kind.TENSOR and value.device is Device.HOST and not value.batch
    return False
