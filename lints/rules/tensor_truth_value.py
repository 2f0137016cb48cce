"""PFL103 tensor-truth-value."""

import libcst as cst

from ..rule import Rule

_ANSWERS = {"torch.equal", "torch.allclose", "torch.is_nonzero"}


class TensorTruthValue(Rule):
    """A tensor as a condition (`if loss > 10:`, `assert`, `and`, `torch.equal`) in every step.

    ## Why it is slow
    Python can only choose a way when it has the value, so the CPU waits until the GPU has finished
    all that was queued before it. The wait is as long as with `.item()`, but nothing in the line
    looks like it.

    ## Instead
    Decide on the device with `torch.where`, `torch.clamp` or `nan_to_num`, or look only every N
    steps. To stop on NaN, `torch._assert_async` does not wait.

    ## When it is fine
    Every N steps, in evaluation, and for what is no tensor: `x is None`, `x.shape[0]`, `len(x)`,
    `x.requires_grad`.
    """

    code = "PFL103"
    tokens = ("if ", "if(", "while", "assert", "not ", "not(", "equal(", "allclose(")

    VALID = (
        """
        import torch
        for step, (x, mask) in enumerate(loader):
            loss = criterion(model(x), mask)
            loss.backward()
            optimizer.step()
            if mask is not None and loss is None or loss.requires_grad:
                pass
            if len(loss) or x.shape[0] > 3:
                pass
            if step % 100 == 0 and torch.isnan(loss):
                break
        """,
        """
        import torch
        for batch in loader:
            output = model(batch)
            loss = output.loss
            loss.backward()
            optimizer.step()
            if output and batch and not batch:
                pass
            assert "logits" in output
        """,
        """
        import torch
        best = None
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            value = loss_of(x)
            if value > best or not value:
                best = value
        """,
        """
        import torch
        loss = None
        for x, y in loader:
            if use_first:
                loss = criterion(model(x), y)
                loss.backward()
                optimizer.step()
            if loss:
                print("seen")
        """,
    )
    INVALID = (
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            if torch.isnan(loss):  # <-
                continue
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        def train_step(model, optimizer, batch, target):
            loss = torch.nn.functional.mse_loss(model(batch), target)
            assert torch.isfinite(loss).all()  # <-
            loss.backward()
            while loss.detach() > 3 and go_on:  # <-
                break
            worse = 1 if not loss > 2 else 0  # <-
            same = torch.equal(loss, loss.detach())  # <-
            optimizer.step()
        """,
    )

    def visit_If(self, node: cst.If) -> None:
        """Flag `if tensor:` and `elif tensor:`."""
        self._condition(node.test)

    def visit_While(self, node: cst.While) -> None:
        """Flag `while tensor:`."""
        self._condition(node.test)

    def visit_Assert(self, node: cst.Assert) -> None:
        """Flag `assert tensor`."""
        self._condition(node.test)

    def visit_IfExp(self, node: cst.IfExp) -> None:
        """Flag `a if tensor else b`."""
        self._condition(node.test)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag comparisons that give a Python bool: they wait wherever they stand."""
        if self.facts.name(node.func) in _ANSWERS and node.args:
            self._check(node, node.args[0].value, f"`{self.facts.name(node.func)}`")

    def _condition(self, test: cst.BaseExpression) -> None:
        """Look at each part of a condition that Python takes the truth of."""
        if isinstance(test, cst.BooleanOperation):
            self._condition(test.left)
            self._condition(test.right)
        elif isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
            self._condition(test.expression)
        else:
            self._check(test, test, "a tensor as a condition")

    def _check(self, node: cst.BaseExpression, tensor: cst.BaseExpression, what: str) -> None:
        hot = self.facts.hot(node)
        if hot is None:
            return
        value = self.facts.value(tensor)
        if value.is_tensor and value.on_device:
            self.report(
                node,
                f"{what} waits for the device in every step",
                why=hot.why,
                confidence=value.confidence,
                severity=self.facts.severity(self.severity, hot),
            )
