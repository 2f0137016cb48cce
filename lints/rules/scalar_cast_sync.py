"""PFL102 scalar-cast-sync."""

import re

import libcst as cst

from ..finding import Confidence
from ..rule import Rule

_CASTS = {"float", "int", "bool", "complex"}
# `%s` shows a tensor too, but as text: that is another pattern.
_NUMBER = re.compile(r"%[-+ #0]*(\d+|\*)?(\.\d+)?[diouxXeEfFgG]")


class ScalarCastSync(Rule):
    """A tensor made into a Python number, as by `float(loss)`, in every training step.

    ## Why it is slow
    `float`, `int`, `bool`, the functions of `math`, Python's `min` and `max` and `"%f" % x` need
    the value itself. The CPU waits until the GPU has finished all that was queued before it,
    exactly as with `.item()`.

    ## Instead
    Stay with tensors: `x.detach()`, `torch.isnan`, `torch.minimum`, `torch.clamp`. Read numbers
    once, after the loop or every N steps.

    ## When it is fine
    Every N steps, once per epoch, in evaluation, on shapes and other Python numbers, and on tensors
    that are on the host.
    """

    code = "PFL102"
    tokens = ("float(", "int(", "bool(", "complex(", "math", "min(", "max(", "%")

    VALID = (
        """
        import torch
        for step, (x, y) in enumerate(loader):
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            seen += int(x.shape[0]) + float(len(x))
            if step % 10 == 0:
                print(float(loss))
        """,
        """
        import math
        for x, y in loader:
            loss = criterion(model(x), y)
            value = loss.cpu()
            loss.backward()
            optimizer.step()
            print("%.3f" % lr, math.sqrt(len(loader)), max(best, 1), float(value), int(config.n))
        """,
        """
        import torch
        for epoch in range(epochs):
            total = 0
            for x, y in loader:
                loss = criterion(model(x), y)
                loss.backward()
                optimizer.step()
                total += loss.detach()
            print(float(total))
        """,
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            y = y.float()
            if torch.distributed.get_rank() % 2:
                print("%s" % x)
            most = torch.max(loss.detach())
        """,
    )
    INVALID = (
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += float(loss)  # <-
        """,
        """
        import math
        import torch
        for x, y in loader:
            out = model(x.cuda())
            loss = torch.nn.functional.mse_loss(out, y)
            loss.backward()
            optimizer.step()
            if math.isnan(loss):  # <-
                continue
            print("%d %.3f" % (3, loss))  # <-
            correct = int((out.argmax(1) == y).sum())  # <-
            lowest = min(loss, out.mean())  # <-
        """,
    )

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a cast or a function of `math` on a tensor, and `min` or `max` of several."""
        called = self.facts.builtin(node.func)
        if called in _CASTS and len(node.args) == 1:
            self._check(node, node.args[0].value, f"`{called}()`")
        elif called in ("min", "max") and len(node.args) > 1:
            for arg in node.args:
                if self._check(node, arg.value, f"Python's `{called}()`"):
                    return
        elif node.args and (self.facts.name(node.func) or "").startswith("math."):
            self._check(node, node.args[0].value, f"`{self.facts.name(node.func)}()`")

    def visit_BinaryOperation(self, node: cst.BinaryOperation) -> None:
        """Flag `"%f" % x`."""
        text = node.left
        if not isinstance(node.operator, cst.Modulo) or not isinstance(text, cst.SimpleString):
            return
        if not _NUMBER.search(text.value):
            return
        right = node.right
        parts = [e.value for e in right.elements] if isinstance(right, cst.Tuple) else [right]
        for part in parts:
            if self._check(node, part, "formatting with `%`"):
                return

    def _check(self, node: cst.BaseExpression, operand: cst.BaseExpression, what: str) -> bool:
        hot = self.facts.hot(node)
        if hot is None:
            return False
        value = self.facts.value(operand)
        if not value.on_device or value.confidence is Confidence.POSSIBLE:
            return False
        self.report(
            node,
            f"{what} on a tensor waits for the device in every step",
            why=hot.why,
            confidence=value.confidence,
            severity=self.facts.severity(self.severity, hot),
        )
        return True
