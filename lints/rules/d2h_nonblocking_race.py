"""PFL205 d2h-nonblocking-race."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..arguments import without_arguments
from ..copies import to_host
from ..facts import Facts
from ..finding import Severity
from ..rule import Invalid, Rule
from ..values import Device


class D2hNonblockingRace(Rule):
    """A tensor copied to the host with `non_blocking=True` is read before the copy has arrived.

    ## Why it is slow
    It is worse than slow: the copy runs on while the CPU goes on to read whatever lies in the
    memory, so the values can be wrong, without an error, and only under load.

    ## Instead
    Copy without `non_blocking`, or record an event after the copy and wait for it before reading:
    `event.record(); ...; event.synchronize()`.

    ## When it is fine
    Where something waits in between: `synchronize()`, an event, or another copy that blocks.

    ## Fix safety
    Unsafe: the fix lets the copy block, so a run that read too early gets other numbers, the right
    ones.

    ## Source
    pytorch #86264, #127612 and #140296; the PyTorch tutorial on `pin_memory` and `non_blocking`.
    """

    preview = True
    code = "PFL205"
    tokens = ("non_blocking",)
    severity = Severity.ERROR
    hot_only = False
    needs_accelerator = True

    VALID = (
        """
        import torch
        x = out.to("cpu", non_blocking=True)
        torch.cuda.synchronize()
        print(x.sum())
        """,
        """
        import torch
        x = out.to("cpu", non_blocking=True)
        y = torch.from_numpy(array).float().to("cpu", non_blocking=True) / 2
        y = out.to("cuda:1", non_blocking=True).sum()
        z = loss.item()
        print(x.sum())
        """,
        """
        import torch
        x = out.to("cpu", non_blocking=True)
        event.record()
        queue.put((x, event))
        x.shape
        """,
        """
        import torch
        def offload(state):
            return {name: t.to("cpu", non_blocking=True) for name, t in state.items()}
        """,
    )
    INVALID = (
        Invalid(
            """
            import torch
            x = out.detach().to("cpu", non_blocking=True)  # <-
            seen.append(x.numpy())
            y = out.to(device="cpu", non_blocking=True).tolist()  # <-
            """,
            fixed="""
            import torch
            x = out.detach().to("cpu")  # <-
            seen.append(x.numpy())
            y = out.to(device="cpu").tolist()  # <-
            """,
        ),
        Invalid(
            """
            import torch
            def count(out, n):
                right = out.to(torch.device("cpu"), non_blocking=True).view(-1)  # <-
                total = n + 1
                return right * total
            """,
            fixed="""
            import torch
            def count(out, n):
                right = out.to(torch.device("cpu")).view(-1)  # <-
                total = n + 1
                return right * total
            """,
        ),
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the copies to the host that do not block."""
        return (call for call in facts.syntax.calls_to("to") if to_host(call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a copy whose result is read in the same block, with no wait in between."""
        call = self.facts.call(node)
        if call is None or not to_host(call) or self.facts.is_test_code:
            return
        if not isinstance(node.func, cst.Attribute) or _is_on_host(self.facts, node.func.value):
            return
        read = self.facts.copies.read_too_early(call)
        if read is None:
            return
        line = getattr(read, "lineno", call.lineno)
        message = f"line {line} may read this copy before it has arrived"
        self.report(node, message, fix=without_arguments(node, ("non_blocking",)))


def _is_on_host(facts: Facts, tensor: cst.BaseExpression) -> bool:
    """Whether a tensor lies on the host already: nothing is copied then."""
    found = facts.counterpart(tensor)
    made_there = found is not None and "from_numpy(" in ast.unparse(found)
    return made_there or facts.value(tensor).device is Device.HOST
