"""PFL208 pin-memory-per-tensor."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..copies import is_copy, is_true
from ..facts import Facts
from ..finding import Severity
from ..nodes import keyword
from ..rule import Invalid, Rule


class PinMemoryPerTensor(Rule):
    """A tensor is pinned right before its copy to the GPU, in every training step.

    ## Why it is slow
    `pin_memory()` copies the tensor within the host first, on the thread that should queue kernels.
    Where the copy to the GPU then blocks, that work gains nothing: measured, `pin_memory().to()`
    can take up to twice as long as `to()` alone.

    ## Instead
    Let the loader pin (`pin_memory=True`: a thread of its own does it), or pin a buffer once and
    copy each batch into it.

    ## When it is fine
    In a thread that prefetches. With `non_blocking=True` on the copy the CPU at least does not wait
    for the GPU: such places are only shown as `info`.

    ## Fix safety
    Unsafe: the fix drops `pin_memory()`. The values stay the same, the timing need not improve
    where a stream of its own copies.

    ## Source
    The PyTorch tutorial on `pin_memory` and `non_blocking`.
    """

    code = "PFL208"
    tokens = (".pin_memory()",)
    needs_accelerator = True

    VALID = (
        """
        import torch
        for x, y in loader:
            x = x.to(device)
            buffer = torch.empty(8).pin_memory()
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        x = x.pin_memory().to(device)
        for y in loader:
            model(x, y).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        for x, y in loader:
            if step % 100 == 0:
                x.pin_memory().to(device)
            model(x).mean().backward()
            optimizer.step()
        """,
    )
    INVALID = (
        Invalid(
            """
            import torch
            for x, y in loader:
                x = x.pin_memory().to(device)  # <-
                model(x).mean().backward()
                optimizer.step()
            """,
            fixed="""
            import torch
            for x, y in loader:
                x = x.to(device)  # <-
                model(x).mean().backward()
                optimizer.step()
            """,
        ),
        Invalid(
            """
            import torch
            for x, y in loader:
                y = y.pin_memory().cuda(non_blocking=True)  # <-
                model(x, y).mean().backward()
                optimizer.step()
            """,
            fixed="""
            import torch
            for x, y in loader:
                y = y.cuda(non_blocking=True)  # <-
                model(x, y).mean().backward()
                optimizer.step()
            """,
        ),
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the copies of what has just been pinned."""
        return (c for c in facts.syntax.calls_to("to", "cuda") if _pins_first(c))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `x.pin_memory().to(device)`."""
        call, hot = self.facts.call(node), self.facts.hot(node)
        if call is None or hot is None or not _pins_first(call):
            return
        pinning = cst.ensure_type(cst.ensure_type(node.func, cst.Attribute).value, cst.Call)
        owner = cst.ensure_type(pinning.func, cst.Attribute).value
        waits = not is_true(keyword(call, "non_blocking"))
        self.report(
            node,
            "a tensor is pinned for one copy, on the thread that queues kernels",
            why=hot.why,
            severity=self.facts.severity(self.severity, hot) if waits else Severity.INFO,
            fix=node.with_deep_changes(node.func, value=owner),
        )


def _pins_first(call: ast.Call) -> bool:
    match call.func:
        case ast.Attribute(
            value=ast.Call(func=ast.Attribute(attr="pin_memory"), args=[], keywords=[])
        ):
            return is_copy(call)
    return False
