"""The copies of batches to the device, and what one of them says of its neighbours."""

import ast

from .dataflow import Dataflow
from .syntax import Syntax, keyword


class Copies:
    """Answers whether the code around a copy takes its batch to be pinned."""

    def __init__(self, syntax: Syntax, dataflow: Dataflow) -> None:
        self._dataflow = dataflow
        self._syntax = syntax
        self._waitless = [
            call
            for call in syntax.calls
            if is_copy(call) and _is_true(keyword(call, "non_blocking"))
        ]

    def believed_pinned(self, copy: ast.Call) -> bool:
        """Whether another part of the batch is copied with `non_blocking=True` in the same code."""
        home = self._syntax.scope(copy)
        return any(
            self._syntax.scope(other) is home
            and isinstance(other.func, ast.Attribute)
            and self._dataflow.value(other.func.value).batch
            for other in self._waitless
        )


def is_copy(call: ast.Call) -> bool:
    """Whether this may be `x.to(device)` or `x.cuda()`."""
    return isinstance(call.func, ast.Attribute) and call.func.attr in ("to", "cuda")


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True
