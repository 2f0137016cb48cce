"""PFL609 memory-history-recording."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..conditions import always_runs
from ..facts import Facts
from ..rule import Rule
from ..switches import literal

_SWITCH = "torch.cuda.memory._record_memory_history"
_USES = ("_dump_snapshot", "_snapshot", "export_memory_timeline")


class MemoryHistoryRecording(Rule):
    """The history of CUDA memory is recorded and nobody reads it.

    ## Why it is slow
    Each allocation and each release stores a stack trace, for as long as the program runs.

    ## Instead
    Turn it on by an option, around the steps you look at, and off again with
    `_record_memory_history(enabled=None)`.

    ## When it is fine
    Behind an option, and where the same file writes the snapshot (`_dump_snapshot`).

    ## Source
    PyTorch documentation, "Understanding CUDA memory usage".
    """

    code = "PFL609"
    tokens = ("_record_memory_history",)
    hot_only = False
    preview = True
    needs_accelerator = True

    VALID = (
        """
        import torch
        torch.cuda.memory._record_memory_history()
        run()
        torch.cuda.memory._dump_snapshot("memory.pickle")
        """,
        """
        import torch
        if args.memory:
            torch.cuda.memory._record_memory_history(max_entries=1000)
        """,
        """
        import torch
        torch.cuda.memory._record_memory_history(enabled=None)
        """,
    )
    INVALID = (
        """
        import torch
        torch.cuda.memory._record_memory_history()  # <-
        """,
        """
        import torch
        def main():
            torch.cuda.memory._record_memory_history(max_entries=100000)  # <-
            train()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls of the switch."""
        return (call for call in facts.syntax.calls if facts.names.of(call.func) == _SWITCH)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag what turns it on in a file that neither reads it nor turns it off."""
        call = self.facts.call(node)
        if call is None or self.facts.name(node.func) != _SWITCH or self.facts.is_test_code:
            return
        calls = [c for c in self.facts.syntax.calls if self.facts.names.of(c.func) == _SWITCH]
        if any(literal(c, "enabled") is None for c in calls):
            return
        if self.facts.syntax.calls_to(*_USES) or not always_runs(self.facts.syntax, call):
            return
        self.report(node, "each allocation stores a stack trace")
