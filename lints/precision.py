"""What a file says of mixed precision: its autocast regions and its gradient scalers."""

import ast
import re

from .bindings import Bindings, How
from .names import Names
from .nodes import keyword, path_of
from .syntax import Syntax

_AUTOCASTS = {
    "torch.autocast",
    "torch.amp.autocast",
    "torch.amp.autocast_mode.autocast",
    "torch.cuda.amp.autocast",
    "torch.cuda.amp.autocast_mode.autocast",
}
_SCALERS = {
    "torch.cuda.amp.GradScaler",
    "torch.cuda.amp.grad_scaler.GradScaler",
    "torch.amp.GradScaler",
    "torch.amp.grad_scaler.GradScaler",
}

_CHOOSES = re.compile(r"version|hasattr|_TORCH_|_available\(|[xnm]pu|mps", re.IGNORECASE)


class Precision:
    """Answers questions about autocast and gradient scalers."""

    def __init__(self, syntax: Syntax, names: Names, bindings: Bindings) -> None:
        self._syntax = syntax
        self._names = names
        self._bindings = bindings

    def is_autocast(self, node: ast.AST) -> bool:
        """Whether this is a call of torch's autocast, under any of its names."""
        return isinstance(node, ast.Call) and self._names.of(node.func) in _AUTOCASTS

    def is_scaler(self, node: ast.AST) -> bool:
        """Whether this makes a gradient scaler of torch."""
        return isinstance(node, ast.Call) and self._names.of(node.func) in _SCALERS

    def legacy(self, node: ast.AST) -> str | None:
        """Return the class of `torch.cuda.amp` that a call makes: deprecated since torch 2.4."""
        name = (self._names.of(node.func) if isinstance(node, ast.Call) else None) or ""
        last = name.rsplit(".", 1)[-1]
        if not name.startswith("torch.cuda.amp.") or last not in ("autocast", "GradScaler"):
            return None
        return None if self._falls_back(node) else last

    def _falls_back(self, node: ast.AST) -> bool:
        """Whether a condition on versions or devices leads here: the new name may be beside it."""
        return any(
            isinstance(parent, (ast.If, ast.IfExp)) and _CHOOSES.search(ast.unparse(parent.test))
            for _, parent in self._syntax.ancestors(node)
        )

    def always_scales_bf16(self, scaler: ast.Call) -> bool:
        """Whether a scaler is on while every autocast of the file is to bfloat16."""
        enabled = keyword(scaler, "enabled")
        if not self.is_scaler(scaler) or any(k.arg is None for k in scaler.keywords):
            return False
        if enabled is not None and not (
            isinstance(enabled, ast.Constant) and enabled.value is True
        ):
            return False
        casts = [call for call in self._syntax.calls if self.is_autocast(call)]
        return bool(casts) and all(self._is_bf16(call) for call in casts)

    def _is_bf16(self, call: ast.Call) -> bool:
        dtype = keyword(call, "dtype") or (call.args[1] if len(call.args) > 1 else None)
        return dtype is not None and self._names_bf16(dtype)

    def _names_bf16(self, node: ast.expr, depth: int = 2) -> bool:
        if self._names.of(node) == "torch.bfloat16":
            return True
        path = path_of(node)
        if not depth or path is None or len(path) > 1:
            return False
        found = self._bindings.reaching(node, path)
        if not found and (home := self._names.home(node, path[0])):
            found = self._bindings.everywhere(home, path)
        return len(found) == 1 and all(
            b.how is How.ASSIGN
            and not b.at
            and isinstance(b.source, ast.expr)
            and self._names_bf16(b.source, depth - 1)
            for b in found
        )
