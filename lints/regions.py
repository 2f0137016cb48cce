"""Where code runs in every training step: step loops, step functions, hooks, and what they call."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from .callees import Callees
from .cold import Cold
from .guards import Seldom
from .names import Names
from .nodes import Function, Loop
from .outside import LIBRARIES, Outside, Place
from .paths import is_test_code
from .steps import DEEPEST_CALL, Steps
from .syntax import Syntax

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
MODULES = {"torch.nn.Module", "pytorch_lightning.LightningModule"}


@dataclass(frozen=True, slots=True)
class Hot:
    """Code that runs in every step: by which kind of place, at which line, and in words.

    `chain` holds the calls that lead there, as in "train.py:88". `seldom` is what keeps it from
    running in every step after all, for those who asked for such places too.
    """

    place: Place
    line: int
    why: str
    chain: tuple[str, ...] = ()
    seldom: Seldom | None = None

    @property
    def how_often(self) -> str:
        """When it runs, in words that end a sentence."""
        return self.seldom.value if self.seldom else "in every step"


class Regions:
    """Answers whether a node runs in every training step, by climbing from it."""

    def __init__(
        self, syntax: Syntax, names: Names, callees: Callees, path: str, outside: Outside
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._callees = callees
        self._path = path
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
        self.trains = outside.trains or bool(self._step_loops or self._hot_functions)
        scopes = [syntax.scope(loop) for loop in self._step_loops]
        self._add_called(dict.fromkeys([*scopes, *self._hot_functions]))
        self._add_called_from(outside)
        self._add_forwards()

    def hot(self, node: ast.AST) -> Hot | None:
        """Return why a node runs in every step; None where it does not, or where we cannot tell."""
        return self._hot(node, self._hot_functions, guarded=False)

    def seldom(self, node: ast.AST) -> Hot | None:
        """Return why a node of hot code runs in some steps only; None on error paths."""
        found = self._hot(node, self._hot_or_seldom, guarded=True)
        return found if found is not None and found.seldom is not None else None

    def _hot(
        self, node: ast.AST, functions: Mapping[Function, Hot], *, guarded: bool
    ) -> Hot | None:
        """Climb from a node to what repeats it; `guarded`: also from where it runs seldom."""
        if self._of_tests:
            return None
        seldom: Seldom | None = None
        looped = False
        for child, parent in self._syntax.ancestors(node):
            if isinstance(parent, ast.Lambda):
                return None
            if why := self._cold.why(child, parent, looped=looped):
                if not guarded or why is Seldom.ERROR:
                    return None
                seldom = seldom or why  # the nearest says it best
            if isinstance(parent, Loop):
                repeated = child in parent.body or child is getattr(parent, "test", None)
                if repeated and parent in self._step_loops:
                    if self._cold.in_cold_function(parent):
                        return None
                    return _in_loop(parent, seldom)
                looped = looped or repeated
            elif isinstance(parent, Function):
                # What comes before the body (defaults, decorators) runs once.
                runs = child in parent.body and not self._cold.in_cold_function(child)
                hot = functions.get(parent) if runs else None
                return replace(hot, seldom=seldom) if hot and seldom else hot
        return None

    @cached_property
    def _hot_or_seldom(self) -> dict[Function, Hot]:
        """The hot functions, and what the guarded places of hot code call."""
        found = dict(self._hot_functions)
        scopes = [self._syntax.scope(loop) for loop in self._step_loops]
        for scope in dict.fromkeys([*scopes, *self._hot_functions]):
            for call in self._syntax.calls_in(scope):
                called = self._callees.of(call) if self._may_be_own(call) else None
                if not isinstance(called, Function) or self._has_step_loop(called):
                    continue
                if hot := self._hot(call, self._hot_functions, guarded=True):
                    chain = (*hot.chain, f"{self._path}:{call.lineno}")
                    why = f"`{called.name}` is called at line {call.lineno}"
                    found.setdefault(called, Hot(hot.place, hot.line, why, chain, hot.seldom))
        return found

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
        return bool(self._names.bases(home) & MODULES)

    def without_grad(self, node: ast.AST) -> bool:
        """Whether autograd is off here, by `with` or by decorator."""
        return self._cold.without_grad(node)

    def _add(self, function: Function, place: Place, why: str) -> None:
        self._hot_functions.setdefault(function, Hot(place, function.lineno, why))

    def _add_called(self, callers: Iterable[ast.AST]) -> None:
        """Take in what the hot code of these functions calls, and what that calls in turn."""
        for _ in range(DEEPEST_CALL):
            found: dict[Function, Hot] = {}
            for call in (c for scope in callers for c in self._syntax.calls_in(scope)):
                if not self._may_be_own(call):
                    continue
                called = self._callees.of(call)
                if not isinstance(called, Function) or called in self._hot_functions:
                    continue
                if not self._has_step_loop(called) and (hot := self.hot(call)):
                    chain = (*hot.chain, f"{self._path}:{call.lineno}")
                    why = self._by_way_of(called, chain)
                    found.setdefault(called, Hot(hot.place, hot.line, why, chain))
            self._hot_functions.update(found)
            callers = list(found)

    def _add_called_from(self, outside: Outside) -> None:
        """Take in what other files call in every step."""
        if not outside.called:
            return
        added: list[Function] = []
        for function in self._syntax.functions:
            home = self._syntax.class_of(function)
            name = f"{home.name}.{function.name}" if home else function.name
            call = outside.called.get(name)
            if call and function not in self._hot_functions and not self._has_step_loop(function):
                why = self._by_way_of(function, call.chain)
                self._hot_functions[function] = Hot(call.place, function.lineno, why, call.chain)
                added.append(function)
        self._add_called(added)

    def _by_way_of(self, function: Function, chain: tuple[str, ...]) -> str:
        """Say by which calls a function runs in every step."""
        if len(chain) == 1 and chain[0].startswith(f"{self._path}:"):
            return f"`{function.name}` is called in every step, at line {chain[0].rsplit(':')[-1]}"
        return f"`{function.name}` is called in every step: {' → '.join(chain)}"

    @cached_property
    def _own_names(self) -> set[str]:
        return {function.name for function in self._syntax.functions}

    def _may_be_own(self, call: ast.Call) -> bool:
        """Whether a call may run a function of this file, by its name alone."""
        match call.func:
            case ast.Attribute(attr=name) | ast.Name(id=name):
                if name in self._own_names:
                    return True
        # An object that is called runs a method of its class.
        return not self._own_names.isdisjoint({"__call__", "forward"})

    def calls_outward(self) -> Iterator[tuple[ast.Call, str, Hot]]:
        """Yield the hot calls of what other files may define, by the full name they go by here."""
        if self._of_tests or not (self._step_loops or self._hot_functions):
            return
        for call in self._syntax.calls:
            target = self._callees.of(call)
            if isinstance(target, str) and not target.startswith(LIBRARIES):
                hot = self.hot(call)
                if hot is not None:
                    yield call, target, hot

    def _add_forwards(self) -> None:
        """Take in `forward` and what it calls: in every step of whoever trains the module."""
        added: list[Function] = []
        for function in self._syntax.functions:
            home = self._syntax.class_of(function)
            if function.name == "forward" and home and self.is_module(home):
                self._add(function, Place.FORWARD, f"`{home.name}.forward` runs in every step")
                added.append(function)
        self._add_called(added)

    def _has_step_loop(self, function: Function) -> bool:
        return any(self._syntax.function(loop) is function for loop in self._step_loops)


def _in_loop(loop: Loop, seldom: Seldom | None) -> Hot:
    why = f"in the step loop of line {loop.lineno}"
    return Hot(Place.LOOP, loop.lineno, why, seldom=seldom)
