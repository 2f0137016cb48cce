"""PFL512 sync-dist-on-step."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..arguments import without_arguments
from ..facts import Facts
from ..nodes import keyword
from ..outside import Place
from ..rule import Cost, Invalid, Rule


class SyncDistOnStep(Rule):
    """Lightning's `self.log(..., sync_dist=True)` reduces a metric over all processes in each step.

    ## Why it is slow
    In each training step, every metric so logged costs a collective, in which each process waits
    for the slowest.

    ## Instead
    Leave `sync_dist` out in `training_step` (each process's own loss is as good for a curve), or
    pass `on_step=False, on_epoch=True`, which reduces once per epoch.

    ## When it is fine
    In validation and test steps, and with `on_step=False`.

    ## Fix safety
    Unsafe: what is logged is then the value of one process.

    ## Source
    Lightning documentation of `LightningModule.log` ("sync_dist: use with care as this may lead to
    a significant communication overhead").
    """

    code = "PFL512"
    cost = Cost.COLLECTIVE
    tokens = ("sync_dist",)

    VALID = (
        """
        import torch
        from pytorch_lightning import LightningModule
        class Lit(LightningModule):
            def training_step(self, batch, batch_idx):
                loss = self(batch)
                self.log("loss", loss)
                self.log("epoch", loss, sync_dist=True, on_step=False, on_epoch=True)
                self.log("other", loss, sync_dist=self.many)
                return loss

            def validation_step(self, batch, batch_idx):
                self.log("val", self(batch), sync_dist=True)
        """,
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            tracker.log("x", 1, sync_dist=True)
        """,
        """
        import torch
        from pytorch_lightning import LightningModule
        class Lit(LightningModule):
            def training_step(self, batch, batch_idx):
                loss = self(batch)
                if batch_idx % 50 == 0:
                    self.log("loss", loss, sync_dist=True)
                return loss
        """,
    )
    INVALID = (
        Invalid(
            """
            import torch
            from pytorch_lightning import LightningModule
            class Lit(LightningModule):
                def training_step(self, batch, batch_idx):
                    loss = self(batch)
                    self.log("loss", loss, sync_dist=True)  # <-
                    return loss
            """,
            fixed="""
            import torch
            from pytorch_lightning import LightningModule
            class Lit(LightningModule):
                def training_step(self, batch, batch_idx):
                    loss = self(batch)
                    self.log("loss", loss)  # <-
                    return loss
            """,
        ),
        Invalid(
            """
            import lightning as L
            import torch
            class Lit(L.LightningModule):
                def training_step(self, batch, batch_idx):
                    loss = self(batch)
                    self.log_dict({"loss": loss}, sync_dist=True, on_step=True)  # <-
                    return loss
            """,
            fixed="""
            import lightning as L
            import torch
            class Lit(L.LightningModule):
                def training_step(self, batch, batch_idx):
                    loss = self(batch)
                    self.log_dict({"loss": loss}, on_step=True)  # <-
                    return loss
            """,
        ),
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that log with `sync_dist`."""
        calls = facts.syntax.calls_to("log", "log_dict")
        return (call for call in calls if keyword(call, "sync_dist"))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `sync_dist=True` in a training step, unless it reduces per epoch only."""
        call = self.facts.call(node)
        if call is None or not isinstance(call.func, ast.Attribute):
            return
        if call.func.attr not in ("log", "log_dict") or not _is(call, "sync_dist", True):
            return
        owner = call.func.value
        if not (isinstance(owner, ast.Name) and owner.id == "self") or _is(call, "on_step", False):
            return
        hot = self.facts.hot(node)
        if hot is None or hot.place is not Place.HOOK:
            return
        self.report(
            node,
            "a metric is reduced over all processes in every step",
            why=hot.why,
            fix=without_arguments(node, ("sync_dist",)),
        )


def _is(call: ast.Call, option: str, value: bool) -> bool:
    given = keyword(call, option)
    return isinstance(given, ast.Constant) and given.value is value
