"""PFL704 sync-debug-mode."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..conditions import always_runs
from ..facts import Facts
from ..finding import Severity
from ..rule import Rule
from ..switches import literal

_SWITCH = "torch.cuda.set_sync_debug_mode"
_OFF = ("default", 0, ...)


class SyncDebugMode(Rule):
    """`torch.cuda.set_sync_debug_mode` is left on.

    ## Why it is slow
    Each operation that waits for the device then also prints a warning (with the stack walked for
    it), or raises an error.

    ## Instead
    Turn it on by an option, in runs that look for such operations.

    ## When it is fine
    Behind an option, in tests, and around the few lines that must not wait.

    ## Source
    PyTorch documentation of `torch.cuda.set_sync_debug_mode` ("experimental"; it does not cover
    `torch.distributed` and `torch.sparse`).
    """

    code = "PFL704"
    tokens = ("set_sync_debug_mode",)
    severity = Severity.INFO
    hot_only = False
    preview = True
    needs_accelerator = True

    VALID = (
        """
        import torch
        torch.cuda.set_sync_debug_mode("default")
        torch.cuda.set_sync_debug_mode(args.mode)
        """,
        """
        import torch
        if args.debug:
            torch.cuda.set_sync_debug_mode("warn")
        """,
        """
        import torch
        torch.cuda.set_sync_debug_mode("error")
        forward(model)
        torch.cuda.set_sync_debug_mode(0)
        """,
    )
    INVALID = (
        """
        import torch
        torch.cuda.set_sync_debug_mode("warn")  # <-
        """,
        """
        from torch.cuda import set_sync_debug_mode
        def main():
            set_sync_debug_mode(debug_mode=1)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls of the switch."""
        return (call for call in facts.syntax.calls if facts.names.of(call.func) == _SWITCH)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag what turns it on, unless the file turns it off again."""
        call = self.facts.call(node)
        if call is None or self.facts.name(node.func) != _SWITCH or self.facts.is_test_code:
            return
        if literal(call, "debug_mode") in _OFF or self._is_turned_off():
            return
        if always_runs(self.facts.syntax, call):
            self.report(node, "every wait for the device is reported")

    def _is_turned_off(self) -> bool:
        calls = [c for c in self.facts.syntax.calls if self.facts.names.of(c.func) == _SWITCH]
        return any(literal(call, "debug_mode") in ("default", 0) for call in calls)
