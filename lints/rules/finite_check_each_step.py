"""PFL117 finite-check-each-step."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..sync_rule import SyncRule


class FiniteCheckEachStep(SyncRule):
    """A loss or gradient is tested for NaN or infinity (`if torch.isnan(loss):`) in every step.

    ## Why it is slow
    Python can only go on when it has the answer, so the CPU waits in every step until the GPU has
    finished all that was queued before the check.

    ## Instead
    Test every N steps, or only where a value that is read anyway (the logged loss) is not finite.
    `torch._assert_async(torch.isfinite(loss))` stops without waiting. To leave out bad steps
    without reading anything, multiply by `torch.isfinite(loss)` or use `torch.where`.

    ## When it is fine
    Every N steps, while looking for an error, and where each step is long against the wait. Teams
    that want the check in every step turn this rule off: it has a code of its own for that.

    ## Source
    facebookresearch/fairchem pull request 2203 removed such a branch, among other waits, for 5 % on
    8 GPUs.
    """

    code = "PFL117"
    tokens = ("isnan", "isinf", "isfinite")

    VALID = (
        """
        import math
        import torch
        for step, (x, y) in enumerate(loader):
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            if step % 100 == 0 and torch.isnan(loss):  # <- info
                break
            bad = torch.isnan(loss)
            loss = torch.where(torch.isfinite(loss), loss, 0)
        """,
        """
        import math
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            value = loss.item()
            if not math.isfinite(value) or math.isnan(loss.item()):
                break
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            if loss > 10:
                print(torch.isnan(x))
        if torch.isnan(loss):
            print("failed")
        """,
    )
    INVALID = (
        """
        import math
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            if torch.isnan(loss):  # <-
                continue
            if not torch.isfinite(loss).all():  # <-
                raise ValueError("not finite")
            if torch.isnan(loss).sum() > 0 or stopped:  # <-
                break
            if math.isnan(loss):  # <-
                break
            assert not loss.isinf().any()  # <-
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        def step(model, optimizer, x, y):
            loss = torch.nn.functional.mse_loss(model(x), y)
            failed = torch.isnan(loss) or torch.isinf(loss)  # <-
            loss.backward()
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the checks."""
        return facts.syntax.calls_to("isnan", "isinf", "isfinite")

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a check whose answer Python takes a decision by."""
        call = self.facts.call(node)
        if call is None:
            return
        tested = self.facts.decisions.finite_check(call)
        if tested is not None:
            self.says(node, tested, "a check for NaN or infinity waits for the device")
