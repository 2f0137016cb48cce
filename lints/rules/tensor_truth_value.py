"""PFL103 tensor-truth-value."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..sync_rule import SyncRule
from ..values import Value

_ANSWERS = ("equal", "allclose", "is_nonzero")


class TensorTruthValue(SyncRule):
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
    `x.requires_grad`. Checks for NaN and infinity are `finite-check-each-step`.

    ## Source
    facebookresearch/fairchem pull request 2203; lucidrains/x-transformers issue 355
    (`if mask.any()`).
    """

    code = "PFL103"
    tokens = ("if ", "if(", "while", "assert", "not ", "not(", "equal(", "allclose(")
    breaks_graph = True

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
            if step % 100 == 0 and loss > 3:  # <- info
                break
            if torch.isnan(loss) or not torch.isfinite(x).all():
                continue
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
            if torch.equal(batch["ids"], ids):
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
            if loss > 100:  # <-
                continue
            kept = [p for p in parts if (loss + p).any()]  # <-
            found = loss > 3 and first  # <-
            if any(loss > limit for limit in limits):  # <-
                pass
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        def train_step(model, optimizer, batch, target):
            loss = torch.nn.functional.mse_loss(model(batch), target)
            assert (loss < 3).all()  # <-
            loss.backward()
            while loss.detach() > 3 and go_on:  # <-
                break
            worse = 1 if not loss > 2 else 0  # <-
            same = torch.equal(loss, loss.detach())  # <-
            near = loss.allclose(target)  # <-
            optimizer.step()
        """,
        """
        import torch
        for x, y in loader:
            y = y.cuda()
            out = model(x.to(device))
            same = torch.equal(out, y)  # <-
            near = torch.allclose(y, out)  # <-
            loss = criterion(out, y)
            once = loss and 1  # <-
            loss.backward()
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the conditions that are tensors, and the comparisons that give a Python bool."""
        yield from facts.syntax.calls_to(*_ANSWERS)
        for test in facts.decisions.tested:
            if facts.runs(test) and facts.dataflow.value(test).is_device_tensor:
                yield test

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

    def visit_CompIf(self, node: cst.CompIf) -> None:
        """Flag `[x for x in y if tensor]`."""
        self._condition(node.test)

    def visit_BooleanOperation(self, node: cst.BooleanOperation) -> None:
        """Flag `tensor and x`, wherever it stands."""
        self._condition(node)

    def visit_UnaryOperation(self, node: cst.UnaryOperation) -> None:
        """Flag `not tensor`, wherever it stands."""
        self._condition(node)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag comparisons that give a Python bool: they wait wherever they stand."""
        name = self.facts.name(node.func)
        if name is not None and name.removeprefix("torch.") in _ANSWERS and node.args:
            self._compared(node, node.args[0].value, f"`{name}`")
        elif isinstance(node.func, cst.Attribute) and node.func.attr.value in _ANSWERS:
            self._compared(node, node.func.value, f"`.{node.func.attr.value}()`")
        elif self.facts.builtin(node.func) in ("any", "all") and len(node.args) == 1:
            each = node.args[0].value
            if isinstance(each, cst.GeneratorExp | cst.ListComp):
                self._condition(each.elt)

    def _condition(self, test: cst.BaseExpression) -> None:
        """Look at each part of a condition that Python takes the truth of."""
        if isinstance(test, cst.BooleanOperation):
            self._condition(test.left)
            self._condition(test.right)
        elif isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
            self._condition(test.expression)
        else:
            found = self.facts.counterpart(test)
            if found not in self.facts.decisions.tested:
                return
            if found is not None and not self.facts.decisions.is_finite_check(found):
                self._check(test, test, "a tensor as a condition")

    def _compared(self, node: cst.Call, tensor: cst.BaseExpression, what: str) -> None:
        """Look at what is given to a comparison: a tensor, whatever else an output may be."""
        self._judge(node, self.facts.value(tensor).as_tensor, what)

    def _check(self, node: cst.BaseExpression, tensor: cst.BaseExpression, what: str) -> None:
        self._judge(node, self.facts.value(tensor), what)

    def _judge(self, node: cst.BaseExpression, value: Value, what: str) -> None:
        if value.is_device_tensor:
            self.says(node, value, f"{what} waits for the device")
