"""PFL104 host-copy."""

import libcst as cst

from ..rule import Rule

_METHODS = {"cpu", "numpy", "tolist"}
_ARRAYS = {"numpy.asarray", "numpy.array"}


class HostCopy(Rule):
    """A tensor copied to the host (`.cpu()`, `.numpy()`, `.tolist()`) in every training step.

    ## Why it is slow
    The copy can only start when the GPU has finished all that was queued before it, and the CPU
    waits for its end. Meanwhile it queues nothing, so the GPU runs dry.

    ## Instead
    Gather detached tensors on the device and copy once, after the loop or every N steps.

    ## When it is fine
    Every N steps, in evaluation, for checkpoints, and on tensors that are on the host already. A
    copy with `non_blocking=True` into pinned memory does not wait, but must not be read before an
    event says that it has arrived; never add it only to silence this rule.
    """

    code = "PFL104"
    tokens = (".cpu(", ".numpy(", ".tolist(", ".to(", "asarray(", "array(")

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
                    found.append(model(other).cpu())
            pinned = out.detach().to("cpu", non_blocking=True)
            moved = out.to(device)
            array = frame.numpy()
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
            c = np.asarray(out.detach())  # <-
            d = out.detach().to(device=torch.device("cpu"))  # <-
        """,
    )

    def visit_Call(self, node: cst.Call) -> None:
        """Flag the first call of a chain that brings a tensor to the host."""
        if self.facts.name(node.func) in _ARRAYS and node.args:
            self._check(node, node.args[0].value, "a copy into a numpy array")
        elif isinstance(node.func, cst.Attribute):
            method = node.func.attr.value
            if method in _METHODS:
                self._check(node, node.func.value, f"`.{method}()`")
            elif method == "to" and self._goes_to_host(node):
                self._check(node, node.func.value, "a copy to the CPU")

    def _goes_to_host(self, node: cst.Call) -> bool:
        moved = self.facts.value(node)
        waits = not any(arg.keyword and arg.keyword.value == "non_blocking" for arg in node.args)
        return waits and moved.device is moved.device.HOST

    def _check(self, node: cst.Call, tensor: cst.BaseExpression, what: str) -> None:
        hot = self.facts.hot(node)
        if hot is None or not self.facts.value(tensor).on_device or self.facts.is_saved(node):
            return
        self.report(
            node,
            f"{what} waits for the device in every step",
            why=hot.why,
            severity=self.facts.severity(self.severity, hot),
        )
