"""Finds the loops and functions that take a training step."""

import ast

from .cold import Cold
from .markers import candidates, is_marker, takes_the_step
from .names import Names
from .nodes import Function, Loop, path_of
from .syntax import Syntax

# How far a step may hide: a loop calls a function that calls one that calls one that takes it.
_DEEPEST_CALL = 3


class Steps:
    """`loops`: one turn is one step. `functions`: they take a step without a loop of their own.

    Both are kept in the order of the text, so that what is said of them is said alike in each run.
    """

    def __init__(self, syntax: Syntax, names: Names, cold: Cold) -> None:
        self._syntax = syntax
        self._names = names
        self._cold = cold
        self._loops: set[Loop] = set()
        # An epoch has a step loop in it, whatever else it does after the loop.
        self._epochs: set[Function] = set()
        stepping = self._find() - self._epochs
        self.loops = {loop: None for loop in syntax.loops if loop in self._loops}
        self.functions = {each: None for each in syntax.functions if each in stepping}

    def _find(self) -> set[Function]:
        """Mark the loops; return the functions that take a step, those with a loop included."""
        stepping: set[Function] = set()
        unlooped: set[Function] = set()
        markers = [call for call in candidates(self._syntax) if is_marker(call, self._names)]
        for _ in range(_DEEPEST_CALL + 1):
            for call in markers:
                if function := self._mark(call):
                    unlooped.add(function)
            new = {f for f in unlooped - stepping if not self._runs_once(f)}
            if not new - self._epochs:
                break
            stepping |= new
            # Whoever calls a function that takes a step, or has it called, takes it.
            markers = [c for c in self._syntax.calls if self._takes_one_of(c, new)]
        return stepping

    def _takes_one_of(self, call: ast.Call, functions: set[Function]) -> bool:
        """Whether a call runs one of these functions, or is given one: `timed(train_step)`."""
        if self._names.definition(call.func) in functions:
            return True
        given = (arg for arg in call.args if isinstance(arg, ast.Name))
        return any(self._names.definition(arg) in functions for arg in given)

    def _mark(self, call: ast.Call) -> Function | None:
        """Mark the loop that takes a step by this call, or return the function that does."""
        function = self._syntax.function(call)
        for child, parent in self._syntax.ancestors(call):
            if isinstance(parent, Loop) and self._syntax.in_block(child, parent.body):
                if _walks_over_parts(parent, call):
                    continue
                self._loops.add(parent)
                # A loop that only runs backward passes is part of a step of accumulated gradients.
                if function and (takes_the_step(call) or self._names.definition(call.func)):
                    self._epochs.add(function)
                return None
            if parent is function or isinstance(parent, (ast.Lambda, ast.ClassDef)):
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
