"""PFL107 progress-bar-sync."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..shown import Sink
from ..sync_rule import SyncRule, shown_tensor


class ProgressBarSync(SyncRule):
    """A progress bar is given a tensor (`bar.set_postfix(loss=loss)`) in every step.

    ## Why it is slow
    The bar makes text of what it is given at once, even where `mininterval` keeps it from being
    drawn. Text needs the value, so the CPU waits until the GPU has finished all that was queued.

    ## Instead
    Give it values every N steps: `if step % 20 == 0: bar.set_postfix(loss=loss.item())`.

    ## When it is fine
    Every N steps, and for Python numbers. `bar.set_postfix(loss=loss.item())` waits as well: that
    is `item-in-hot-path`, and `float(loss)` is `scalar-cast-sync`.

    ## Source
    NeuracoreAI/neuracore pull request 893 removed `set_postfix` with the loss from each step.
    """

    code = "PFL107"
    tokens = ("set_postfix", "set_description")

    VALID = (
        """
        import torch
        from tqdm import tqdm
        bar = tqdm(loader)
        for step, (x, y) in enumerate(bar):
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            bar.set_description(f"step {step} of {len(loader)}")
            if step % 20 == 0:
                bar.set_postfix(loss=loss)  # <- info
        bar.set_postfix(loss=loss)
        """,
        """
        import torch
        for x, y in bar:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            bar.set_postfix(loss=loss.item(), other=float(loss), lr=scheduler.get_last_lr()[0])
            bar.set_postfix_str(f"{loss.item():.3f}")
        """,
        """
        import torch
        def evaluate(model, bar):
            for x, y in bar:
                bar.set_postfix(loss=criterion(model(x), y))
        """,
    )
    INVALID = (
        """
        import torch
        from tqdm import tqdm
        bar = tqdm(loader)
        for x, y in bar:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            bar.set_postfix(loss=loss)  # <-
            bar.set_postfix({"loss": loss.detach(), "lr": lr})  # <-
            bar.set_postfix_str(f"loss {loss:.3f}")  # <-
            bar.set_description("loss %.3f" % loss)  # <-
        """,
        """
        import torch
        for x, y in bar:
            logs = {}
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            logs["loss"] = loss.detach()
            bar.set_postfix(**logs)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that change what a bar shows."""
        return facts.shown.calls(Sink.BAR)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a bar that is given a tensor, or text made of one."""
        call = self.facts.call(node)
        if call is None or self.facts.shown.sink(call) is not Sink.BAR:
            return
        given = list(self.facts.shown.given(call))
        given += [part for text in given for part in self.facts.shown.as_text(text)]
        if value := shown_tensor(self.facts, given):
            self.says(node, value, "a tensor in the progress bar waits for the device")
