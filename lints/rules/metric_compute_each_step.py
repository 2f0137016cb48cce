"""PFL120 metric-compute-each-step."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..rule import Invalid, Rule


class MetricComputeEachStep(Rule):
    """A metric of torchmetrics is computed in every step, where it could only be updated.

    ## Why it is slow
    Calling a metric updates its state and computes the value of the batch as well; many metrics
    update twice for that. Where nobody looks at the value, `update` does half of the work.
    `compute` works out the value of all batches so far, exchanges it between processes, and costs
    more with every step where the metric keeps what it has seen.

    ## Instead
    `metric.update(out, y)` in each step, and `metric.compute()` once per epoch or every N steps.

    ## When it is fine
    Every N steps, once per epoch, in evaluation, where the value of each batch is used, and where
    the metric itself is given to `self.log`, which may want that value.

    ## Fix safety
    Unsafe: a subclass may do more in `forward` than in `update`.

    ## Source
    The page of torchmetrics on its base class: `forward` computes the value of the batch besides
    updating the state; torchmetrics issues 126 and 789 on what that costs.
    """

    code = "PFL120"
    tokens = ("torchmetrics",)
    severity = Severity.INFO
    preview = True

    VALID = (
        """
        import torch
        import torchmetrics
        accuracy = torchmetrics.Accuracy(task="binary")
        for step, (x, y) in enumerate(loader):
            out = model(x)
            criterion(out, y).backward()
            optimizer.step()
            accuracy.update(out, y)
            if step % 100 == 0:
                print(accuracy.compute())
        print(accuracy.compute())
        """,
        """
        import torch
        import torchmetrics
        from pytorch_lightning import LightningModule
        class Lit(LightningModule):
            def __init__(self):
                self.acc = torchmetrics.Accuracy(task="binary")
            def training_step(self, batch, batch_idx):
                out = self.model(batch)
                self.acc(out, batch)
                self.log("acc", self.acc)
                self.log("now", self.acc(out, batch))
                return out.mean()
        """,
        """
        import torch
        from torchmetrics.functional import accuracy
        from somewhere import Meter
        meter = Meter()
        for x, y in loader:
            out = model(x)
            criterion(out, y).backward()
            optimizer.step()
            accuracy(out, y)
            meter(out, y)
            meter.compute()
        """,
    )
    INVALID = (
        Invalid(
            """
            import torch
            import torchmetrics
            accuracy = torchmetrics.Accuracy(task="binary")
            for x, y in loader:
                out = model(x)
                criterion(out, y).backward()
                optimizer.step()
                accuracy(out, y)  # <-
            print(accuracy.compute())
            """,
            fixed="""
            import torch
            import torchmetrics
            accuracy = torchmetrics.Accuracy(task="binary")
            for x, y in loader:
                out = model(x)
                criterion(out, y).backward()
                optimizer.step()
                accuracy.update(out, y)  # <-
            print(accuracy.compute())
            """,
        ),
        """
        import torch
        from torchmetrics.classification import BinaryAccuracy
        accuracy = BinaryAccuracy().cuda()
        mean = BinaryAccuracy()
        for x, y in loader:
            out = model(x)
            criterion(out, y).backward()
            optimizer.step()
            mean.update(out, y)
            bar.set_postfix(acc=mean.compute())  # <-
        """,
        """
        import torch
        import torchmetrics
        from pytorch_lightning import LightningModule
        class Lit(LightningModule):
            def __init__(self):
                self.acc = torchmetrics.Accuracy(task="binary")
            def training_step(self, batch, batch_idx):
                out = self.model(batch)
                self.acc.update(out, batch)
                self.log("acc", self.acc.compute())  # <-
                return out.mean()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls whose value nobody uses, and those of `compute`."""
        if not facts.names.imports("torchmetrics"):
            return
        yield from facts.syntax.calls_to("compute")
        for call in facts.syntax.calls:
            if isinstance(facts.syntax.parent(call), ast.Expr):
                yield call

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `metric(out, y)` as a statement, and `metric.compute()`."""
        call, hot = self.facts.call(node), self.facts.hot(node)
        if call is None or hot is None:
            return
        if isinstance(call.func, ast.Attribute) and call.func.attr == "compute":
            owner = node.func.value if isinstance(node.func, cst.Attribute) else node.func
            if not call.args and self._is_metric(owner):
                self.report(node, "a metric is computed in every step", why=hot.why)
        elif self._is_unused(call) and self._is_metric(node.func):
            message = "a metric computes the value of each batch, which nobody uses"
            update = cst.Attribute(node.func, cst.Name("update"))
            self.report(node, message, why=hot.why, fix=node.with_changes(func=update))

    def _is_metric(self, node: cst.BaseExpression) -> bool:
        built = self.facts.built_by(node) or ""
        name = built.rpartition(".")[2]
        return built.startswith("torchmetrics.") and name[:1].isupper()

    def _is_unused(self, call: ast.Call) -> bool:
        """Whether nobody takes the value, nor is handed the metric, which could be asked for it."""
        if not isinstance(self.facts.syntax.parent(call), ast.Expr):
            return False
        metric = ast.unparse(call.func)
        return not any(
            ast.unparse(given) == metric
            for other in self.facts.syntax.calls
            for given in (*other.args, *(keyword.value for keyword in other.keywords))
        )
