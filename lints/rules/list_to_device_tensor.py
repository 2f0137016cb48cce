"""PFL113 list-to-device-tensor."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..nodes import keyword
from ..sync_rule import SyncRule
from ..values import Device, Kind, Value

_MAKERS = ("torch.tensor", "torch.as_tensor")
_FROM_HOST = Value(Kind.PLAIN)
# Through so many calls what is passed is not followed reliably.
_FAR = 4


class ListToDeviceTensor(SyncRule):
    """A list or an array is copied to the device (`torch.tensor([...], device=d)`) in every step.

    ## Why it is slow
    The tensor is made on the host first, in memory that is not pinned. The CPU waits for its copy,
    and for all that was queued before it.

    ## Instead
    What is the same in every step belongs before the loop, or into a buffer of the module. Else
    build it on the host, in the dataset or the collate function, and send it with the batch:
    `.to(device, non_blocking=True)` from pinned memory.

    ## When it is fine
    Outside of the training step, on the host, and every N steps.

    ## Source
    NVIDIA's list of synchronization patterns (`perf-torch-sync-free`), 3.
    """

    code = "PFL113"
    tokens = ("tensor(", "Tensor(")

    VALID = (
        """
        import torch
        weights = torch.tensor([0.5, 1.0], device="cuda")
        for step, (x, y) in enumerate(loader):
            loss = model(x).mean()
            host = torch.tensor([1, 2])
            here = torch.tensor([1, 2], device="cpu")
            other = torch.tensor(unknown, device="cuda")
            zeros = torch.zeros(3, device="cuda")
            loss.backward()
            optimizer.step()
            empty = torch.tensor([], device="cuda")
            if step % 10 == 0:
                seen = torch.tensor([step], device="cuda")  # <- info
        """,
        """
        import torch
        def make(device):
            return torch.tensor([1.0], device=device)
        """,
        """
        import torch
        for x, y in loader:
            model(x).mean().backward()
            optimizer.step()
            again = torch.as_tensor(x, device="cuda")
            filled = torch.cuda.FloatTensor(3)
        """,
        """
        import torch
        def first(parts):
            return second(parts)
        def second(parts):
            return third(parts)
        def third(parts):
            return fourth(parts[0])
        def fourth(part):
            return torch.tensor([1, 2], device=part.device)
        for x, y in loader:
            model(x).mean().backward()
            optimizer.step()
            first(unheard(names))
        """,
    )
    INVALID = (
        """
        import numpy as np
        import torch
        for x, y in loader:
            out = model(x.cuda())
            lengths = [len(part) for part in y]
            a = torch.tensor([0.1, 0.2], device=out.device)  # <-
            b = torch.tensor([len(part) for part in y], device="cuda")  # <-
            c = torch.as_tensor(np.arange(3), device="cuda")  # <-
            d = torch.tensor(lengths, device="cuda")  # <-
            e = torch.cuda.FloatTensor([1.0, 2.0])  # <-
            out.mean().backward()
            optimizer.step()
        """,
        """
        import torch
        from torch import nn
        class Net(nn.Module):
            def forward(self, x):
                return x * torch.tensor([0.485, 0.456, 0.406], device=x.device)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that make a tensor on a device."""
        for call in facts.syntax.calls_to("tensor", "as_tensor"):
            if keyword(call, "device") is not None and facts.names.of(call.func) in _MAKERS:
                yield call
        for call in facts.syntax.calls:
            if (facts.names.of(call.func) or "").startswith("torch.cuda."):
                yield call

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a list or an array that is copied to the device."""
        call, name = self.facts.call(node), self.facts.name(node.func) or ""
        legacy = name.startswith("torch.cuda.") and name.endswith("Tensor")
        if call is None or not call.args or not (legacy or name in _MAKERS):
            return
        placed = legacy or keyword(call, "device") is not None
        if not placed or self.facts.dataflow.value(call).device is not Device.ACCELERATOR:
            return
        if self._is_listed(call.args[0]) and not self._is_guessed(call):
            message = "the CPU waits for a list to be copied to the device"
            self.says(node, _FROM_HOST, message)

    def _is_guessed(self, call: ast.Call) -> bool:
        """Whether it lies where something uncertain lies, many calls away from the step."""
        hot, device = self.facts.runs(call), keyword(call, "device")
        if hot is None or len(hot.chain) < _FAR or not isinstance(device, ast.Attribute):
            return False
        certain = self.facts.dataflow.value(device.value).on_device
        return device.attr == "device" and not certain

    def _is_listed(self, given: ast.expr) -> bool:
        """Whether this is a list of Python values, or an array, for certain."""
        value = self.facts.dataflow.value(given)
        if isinstance(given, ast.List) and not given.elts:
            return False  # nothing to copy
        if isinstance(given, ast.Call) and value.kind is Kind.PLAIN:
            return (self.facts.names.of(given.func) or "").startswith("numpy.")
        if isinstance(given, ast.List | ast.ListComp):
            return not value.holds_device_tensors
        return value.kind is Kind.PLAIN and bool(value.parts)
