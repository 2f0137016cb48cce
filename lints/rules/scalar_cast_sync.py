"""PFL102 scalar-cast-sync."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Confidence
from ..shown import Sink, formats_number
from ..sync_rule import SyncRule, shown_tensor
from ..values import Kind

_CASTS = {"float", "int", "bool", "complex"}
_FINITE = {"isnan", "isinf", "isfinite"}
_MESSAGE = "{} on a tensor waits for the device"


class ScalarCastSync(SyncRule):
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
    that are on the host. `math.isnan` is `finite-check-each-step`. Functions of numpy, `round` and
    `.numpy()` cannot read a tensor on the GPU at all: where they work, nothing waits.

    ## Source
    NVIDIA's list of synchronization patterns (`perf-torch-sync-free`), 4 and 6; LANfactory pull
    request 120, which puts most of an epoch down to `epoch_loss_sum += float(loss)`.
    """

    code = "PFL102"
    tokens = ("float(", "int(", "bool(", "complex(", "math", "min(", "max(", "%")
    breaks_graph = True

    VALID = (
        """
        import torch
        for step, (x, y) in enumerate(loader):
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            seen += int(x.shape[0]) + float(len(x))
            if step % 10 == 0:
                print(float(loss))  # <- info
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
            longest = max(len(part) for part in (x, y))
            log.info("%.3f" % loss)
            scores = [value.item() for value in (loss, x)]
            best = max(scores)
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
            if math.isnan(loss):
                continue
            root = math.sqrt(loss)  # <-
            worst = max([loss, out.mean()])  # <-
            least = min(part for part in (loss, out.std()))  # <-
            print("%d %.3f" % (3, loss))  # <-
            correct = int((out.argmax(1) == y).sum())  # <-
            lowest = min(loss, out.mean())  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the casts, the functions of `math`, and formatting with `%`."""
        yield from facts.syntax.calls_to(*_CASTS, "min", "max")
        if facts.names.imports("math"):
            yield from (c for c in facts.syntax.calls if _is_of_math(facts.names.of(c.func)))
        yield from (n for n in facts.syntax.nodes(ast.BinOp) if formats_number(n))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a cast or a function of `math` on a tensor, and `min` or `max` of several."""
        called, name = self.facts.builtin(node.func), self.facts.name(node.func)
        if called in _CASTS and len(node.args) == 1:
            self._check(node, node.args[0].value, f"`{called}()`")
        elif called in ("min", "max") and node.args:
            self._least(node, f"Python's `{called}()`")
        elif node.args and _is_of_math(name):
            self._check(node, node.args[0].value, f"`{name}()`")

    def visit_BinaryOperation(self, node: cst.BinaryOperation) -> None:
        """Flag `"%f" % x`, but for a log or a progress bar."""
        found = self.facts.counterpart(node)
        if found is None or not formats_number(found):
            return
        if self.facts.shown.around(found) in (Sink.LOG, Sink.BAR):
            return
        if value := shown_tensor(self.facts, self.facts.shown.as_text(found)):
            self.says(node, value, _MESSAGE.format("formatting with `%`"))

    def _least(self, node: cst.Call, what: str) -> None:
        call = self.facts.call(node)
        given = [self.facts.dataflow.value(arg) for arg in call.args] if call else []
        if len(given) == 1:
            # Of one container the elements are compared; of one tensor they are taken out first.
            given = [given[0].held()] if given[0].kind is Kind.GROUP else []
        found = next((value for value in given if value.is_device_tensor), None)
        if found is not None:
            self.says(node, found, _MESSAGE.format(what))

    def _check(self, node: cst.BaseExpression, operand: cst.BaseExpression, what: str) -> None:
        value = self.facts.value(operand)
        if value.on_device and value.confidence is not Confidence.POSSIBLE:
            self.says(node, value, _MESSAGE.format(what))


def _is_of_math(name: str | None) -> bool:
    """Whether this is a function of `math`; checks for NaN have a rule of their own."""
    return name is not None and name.startswith("math.") and name[5:] not in _FINITE
