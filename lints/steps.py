"""Finds the loops and functions that take a training step."""

import ast

from .cold import Cold
from .markers import is_marker, takes_the_step
from .names import Names
from .nodes import Function, Loop, path_of
from .syntax import Syntax

# How far a step may hide: a loop calls a function that calls one that calls one that takes it.
_DEEPEST_CALL = 3


class Steps:
    """`loops`: one turn is one step. `functions`: they take a step without a loop of their own."""

    def __init__(self, syntax: Syntax, names: Names, cold: Cold) -> None:
        self._syntax = syntax
        self._names = names
        self._cold = cold
        self.loops: set[Loop] = set()
        self.functions: set[Function] = set()
        # An epoch has a step loop in it, whatever else it does after the loop.
        self._epochs: set[Function] = set()
        self._find()

    def _find(self) -> None:
        unlooped: set[Function] = set()
        markers = [call for call in self._syntax.calls if is_marker(call, self._names)]
        for _ in range(_DEEPEST_CALL + 1):
            for call in markers:
                if function := self._mark(call):
                    unlooped.add(function)
            new = {f for f in unlooped - self.functions if not self._runs_once(f)}
            if not new - self._epochs:
                break
            self.functions |= new
            # Whoever calls a function that takes a step, takes it.
            markers = [c for c in self._syntax.calls if self._names.definition(c.func) in new]
        self.functions -= self._epochs

    def _mark(self, call: ast.Call) -> Function | None:
        """Mark the loop that takes a step by this call, or return the function that does."""
        function = self._syntax.function(call)
        for child, parent in self._syntax.ancestors(call):
            if isinstance(parent, Loop) and child in parent.body:
                if _walks_over_parts(parent, call):
                    continue
                self.loops.add(parent)
                # A loop that only runs backward passes is part of a step of accumulated gradients.
                if function and (takes_the_step(call) or self._names.definition(call.func)):
                    self._epochs.add(function)
                return None
            if parent is function or isinstance(parent, ast.Lambda | ast.ClassDef):
                break
        return function

    def _runs_once(self, function: Function) -> bool:
        """Whether a function is a program rather than a step: it makes its own optimizer."""
        if function.name == "main" or self._cold.in_cold_function(function.body[0]):
            return True
        made = (self._names.of(c.func) or "" for c in self._syntax.calls_in(function))
        return any(name.startswith("torch.optim.") and "lr_sched" not in name for name in made)


def _walks_over_parts(loop: Loop, call: ast.Call) -> bool:
    """Whether a loop steps each of several optimizers, or each of several losses, of one step."""
    if isinstance(loop, ast.While) or not isinstance(call.func, ast.Attribute):
        return False
    # `for self.step in range(9):` binds no `self`.
    bound = (node for node in ast.walk(loop.target) if isinstance(node, ast.Name))
    targets = {node.id for node in bound if isinstance(node.ctx, ast.Store)}
    receiver = path_of(call.func.value)
    return receiver is not None and receiver[0] in targets
