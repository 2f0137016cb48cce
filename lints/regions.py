"""Where code runs in every training step: step loops, step functions, hooks, and what they call."""

import ast
from dataclasses import dataclass
from enum import Enum

from .cold import Cold, is_test_code
from .names import Names
from .steps import DEEPEST_CALL, Steps
from .syntax import Function, Loop, Syntax

_HOOKS = {
    "pytorch_lightning.LightningModule": {
        "training_step",
        "on_train_batch_start",
        "on_train_batch_end",
        "on_before_backward",
        "on_after_backward",
        "on_before_optimizer_step",
        "on_before_zero_grad",
        "optimizer_step",
    },
    "pytorch_lightning.Callback": {"on_train_batch_start", "on_train_batch_end"},
    "transformers.Trainer": {"compute_loss", "training_step"},
    "transformers.Seq2SeqTrainer": {"compute_loss", "training_step"},
    "transformers.TrainerCallback": {"on_step_begin", "on_step_end", "on_substep_end"},
}
_MODULES = {"torch.nn.Module", "pytorch_lightning.LightningModule"}


class Place(Enum):
    """What makes code run in every step."""

    LOOP = "step loop"
    FUNCTION = "step function"
    HOOK = "hook"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class Hot:
    """Code that runs in every step: by which kind of place, at which line, and in words."""

    place: Place
    line: int
    why: str


class Regions:
    """Answers whether a node runs in every training step, by climbing from it."""

    def __init__(self, syntax: Syntax, names: Names, path: str) -> None:
        self._syntax = syntax
        self._names = names
        self._of_tests = is_test_code(path)
        self._cold = Cold(syntax, names)
        steps = Steps(syntax, names, self._cold)
        self._step_loops = steps.loops
        self._hot_functions: dict[Function, Hot] = {}
        for function in steps.functions:
            self._add(function, Place.FUNCTION, f"in the step function `{function.name}`")
        for function in syntax.functions:
            if self.hook(function):
                self._add(function, Place.HOOK, f"the hook `{function.name}` runs in every step")
        self.trains = bool(self._step_loops or self._hot_functions)
        self._add_called()
        self._add_forwards()

    def hot(self, node: ast.AST) -> Hot | None:
        """Return why a node runs in every step; None where it does not, or where we cannot tell."""
        if self._of_tests:
            return None
        looped = False
        for child, parent in self._syntax.ancestors(node):
            if isinstance(parent, ast.Lambda) or self._cold.is_cold(child, parent, looped=looped):
                return None
            if isinstance(parent, Loop):
                repeated = child in parent.body or child is getattr(parent, "test", None)
                if repeated and parent in self._step_loops:
                    return None if self._cold.in_cold_function(parent) else _in_loop(parent)
                looped = looped or repeated
            elif isinstance(parent, Function):
                # What comes before the body (defaults, decorators) runs once.
                runs = child in parent.body and not self._cold.in_cold_function(child)
                return self._hot_functions.get(parent) if runs else None
        return None

    @property
    def any_hot(self) -> bool:
        """Whether anything in the file runs in every step."""
        return not self._of_tests and bool(self._step_loops or self._hot_functions)

    def step_loop(self, node: ast.AST) -> Loop | None:
        """Return the innermost step loop of the same function that this node stands in."""
        for child, parent in self._syntax.ancestors(node):
            if isinstance(parent, Function | ast.Lambda):
                return None
            if isinstance(parent, Loop) and parent in self._step_loops and child in parent.body:
                return parent
        return None

    def is_step_loop(self, loop: ast.AST) -> bool:
        """Whether one turn of this loop is one training step."""
        return loop in self._step_loops

    def hook(self, function: ast.AST) -> str | None:
        """Return which framework class calls this method in every step."""
        home = self._syntax.class_of(function)
        if home is None or not isinstance(function, Function):
            return None
        bases = self._names.bases(home)
        return next((b for b in _HOOKS if b in bases and function.name in _HOOKS[b]), None)

    def is_module(self, home: ast.ClassDef) -> bool:
        """Whether a class of this file is an `nn.Module`."""
        return bool(self._names.bases(home) & _MODULES)

    def without_grad(self, node: ast.AST) -> bool:
        """Whether autograd is off here, by `with` or by decorator."""
        return self._cold.without_grad(node)

    def _add(self, function: Function, place: Place, why: str) -> None:
        self._hot_functions.setdefault(function, Hot(place, function.lineno, why))

    def _add_called(self) -> None:
        for _ in range(DEEPEST_CALL):
            found: dict[Function, Hot] = {}
            for call in self._syntax.calls:
                called = self._names.definition(call.func)
                if not isinstance(called, Function) or called in self._hot_functions:
                    continue
                if not self._has_step_loop(called) and (hot := self.hot(call)):
                    why = f"`{called.name}` is called in every step, at line {call.lineno}"
                    found.setdefault(called, Hot(hot.place, hot.line, why))
            self._hot_functions.update(found)

    def _add_forwards(self) -> None:
        """Take in `forward` and what it calls: in every step of whoever trains the module."""
        for function in self._syntax.functions:
            home = self._syntax.class_of(function)
            if function.name == "forward" and home and self.is_module(home):
                self._add(function, Place.FORWARD, f"`{home.name}.forward` runs in every step")
        self._add_called()

    def _has_step_loop(self, function: Function) -> bool:
        return any(self._syntax.function(loop) is function for loop in self._step_loops)


def _in_loop(loop: Loop) -> Hot:
    return Hot(Place.LOOP, loop.lineno, f"in the step loop of line {loop.lineno}")
