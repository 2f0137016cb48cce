"""PFL104 host-copy."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..nodes import walk
from ..sync_rule import SyncRule


class HostCopy(SyncRule):
    """A tensor copied to the host (`.cpu()`, `.tolist()`, `.to("cpu")`) in every training step.

    ## Why it is slow
    The copy can only start when the GPU has finished all that was queued before it, and the CPU
    waits for its end. Meanwhile it queues nothing, so the GPU runs dry.

    ## Instead
    Gather detached tensors on the device and copy once, after the loop or every N steps.

    ## When it is fine
    Every N steps, in evaluation, for checkpoints, and on tensors that are on the host already. A
    copy with `non_blocking=True` into pinned memory does not wait, but must not be read before an
    event says that it has arrived; never add it only to silence this rule. `.numpy()` and
    `np.asarray(x)` raise an error for a tensor on the GPU: where they work, there is no copy.

    ## Source
    NVIDIA's list of synchronization patterns (`perf-torch-sync-free`), 2; pytorch/pytorch issue
    140296 on copies to the host with `non_blocking=True`.
    """

    code = "PFL104"
    tokens = (".cpu(", ".tolist(", ".to(")

    VALID = (
        """
        import torch
        for step, (x, y) in enumerate(loader):
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            if step % 500 == 0:
                torch.save({"loss": loss.cpu()}, path)
            names = y.tolist()
        """,
        """
        import torch
        def validation_step(self, batch, batch_idx):
            return self(batch).cpu().numpy()
        """,
        """
        import torch
        for x, y in loader:
            out = model(x)
            loss = criterion(out, y)
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                for other in held_out:
                    found.append(model(other).cpu())  # <- info
            pinned = out.detach().to("cpu", non_blocking=True)
            moved = out.to(device)
            array = frame.numpy()
            other = out.detach().numpy()
            place = np.asarray(out.detach())
        """,
        """
        import torch
        for epoch in range(9):
            for x, y in loader:
                out = model(x)
                out.mean().backward()
                optimizer.step()
            torch.save(model.cpu().state_dict(), path)
            model.eval()
            print(model(probe).cpu())
        """,
        """
        import torch
        def evaluate(model, loader):
            return [model(x).cpu().numpy() for x in loader]
        @torch.no_grad()
        def predict(model, loader):
            for x in loader:
                yield model(x).cpu().numpy()  # <- info
        for epoch in range(9):
            for x, y in loader:
                model(x).mean().backward()
                optimizer.step()
                schedule.to("cpu")
            torch.save({name: p.cpu() for name, p in model.state_dict().items()}, path)
        """,
    )
    INVALID = (
        """
        import torch
        for x, y in loader:
            out = model(x)
            loss = criterion(out, y)
            loss.backward()
            optimizer.step()
            seen.append(out.detach().cpu().numpy())  # <-
        """,
        """
        import numpy as np
        import torch
        for x, y in loader:
            out = model(x)
            loss = out.mean()
            loss.backward()
            optimizer.step()
            a = out.tolist()  # <-
            b = out.detach().to("cpu")  # <-
            c = [part.cpu() for part in (out, loss)]  # <-
            e = {name: part.tolist() for name, part in measured(out).items()}  # <-
            d = out.detach().to(device=torch.device("cpu"))  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that can bring a tensor to the host."""
        yield from facts.syntax.calls_to("cpu", "tolist")
        yield from (call for call in facts.syntax.calls_to("to") if _says_cpu(call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag the first call of a chain that brings a tensor to the host."""
        if not isinstance(node.func, cst.Attribute):
            return
        method = node.func.attr.value
        if method in ("cpu", "tolist") and not node.args:
            self._check(node, node.func.value, f"`.{method}()`")
        elif method == "to" and self._goes_to_host(node):
            self._check(node, node.func.value, "a copy to the CPU")

    def _goes_to_host(self, node: cst.Call) -> bool:
        """Whether this is `.to("cpu")`; a name that stands for the CPU may stand for others too."""
        if any(arg.keyword and arg.keyword.value == "non_blocking" for arg in node.args):
            return False
        return any(_is_cpu(arg.value) for arg in node.args)

    def _check(self, node: cst.Call, tensor: cst.BaseExpression, what: str) -> None:
        value = self.facts.value(tensor)
        if not (value.on_device or value.is_derived) or self.facts.is_saved(node):
            return
        self.says(node, value, f"{what} waits for the device")


def _says_cpu(call: ast.Call) -> bool:
    """Whether a text that names the CPU is part of what a call is given."""
    return any(
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.strip("\"'").startswith("cpu")
        for given in (*call.args, *(k.value for k in call.keywords))
        for node in walk(given)
    )


def _is_cpu(node: cst.BaseExpression) -> bool:
    match node:
        case cst.SimpleString(value=text):
            return text.strip("\"'").startswith("cpu")
        case cst.Call(args=[cst.Arg(value=cst.SimpleString(value=text))]):
            return text.strip("\"'").startswith("cpu")
    return False
