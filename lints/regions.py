"""Where code runs in every training step: step loops, step functions, hooks, and what they call."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from .callees import Callees
from .cold import Cold
from .flags import Seldom
from .names import Names
from .nodes import Function, Loop
from .outside import HotCall, Outside, Place, called_in_steps
from .references import References
from .roots import Roots
from .steps import Steps
from .syntax import Syntax

_PARTS = {"items", "values", "keys", "parameters", "named_parameters", "buffers", "named_buffers"}

# How many calls lead from a step to what it runs, within one file.
_DEEPEST_CALL = 5


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
        self,
        syntax: Syntax,
        names: Names,
        callees: Callees,
        path: str,
        outside: Outside,
        *,
        of_tests: bool = False,
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._callees = callees
        self._path = path
        self._outside = outside
        self._of_tests = of_tests
        self._cold = Cold(syntax, names, callees)
        self._references = References(syntax, names, callees, outside)
        self._roots = Roots(syntax, names, path)
        steps = Steps(syntax, names, self._cold)
        self._step_loops = steps.loops
        self._looping = {syntax.function(loop) for loop in self._step_loops}
        self._hot_functions: dict[Function, Hot] = {}
        self._handed: set[Function] = set()
        # What was asked before, as long as no more functions become hot.
        self._known: dict[tuple[ast.AST, bool], Hot | None] = {}
        self._known_seldom: dict[ast.AST, Hot | None] = {}
        for function in steps.functions:
            self._add(function, Place.FUNCTION, f"in the step function `{function.name}`")
        for function in syntax.functions:
            if self.hook(function):
                self._add(function, Place.HOOK, f"the hook `{function.name}` runs in every step")
            elif handled := self._roots.handler(function):
                self._add(function, Place.HOOK, handled)
            elif self._roots.is_step(function) and not self._has_step_loop(function):
                self._add(function, Place.FUNCTION, f"in the step function `{function.name}`")
        self.trains = outside.trains or bool(self._step_loops or self._hot_functions)
        scopes = [syntax.scope(loop) for loop in self._step_loops]
        called = filter(self._called_outside, syntax.functions)
        self._cold.begin_at({*scopes, *self._hot_functions, *self._trained, *called})
        self._add_called(dict.fromkeys([*scopes, *self._hot_functions]))
        self._add_called_from(outside)
        self._add_forwards()

    def hot(self, node: ast.AST) -> Hot | None:
        """Return why a node runs in every step; None where it does not, or where we cannot tell."""
        if self._of_tests:
            return None
        scope = self._syntax.scope(node)
        quiet = scope not in self._looping and scope not in self._hot_functions
        # Where nothing in a function is hot, there is no need to climb.
        return None if quiet and isinstance(scope, Function) else self._climb(node)

    def seldom(self, node: ast.AST) -> Hot | None:
        """Return why a node of hot code runs in some steps only; None on error paths."""
        if node not in self._known_seldom:
            found = self._hot_or_guarded(node, self._hot_or_seldom)
            self._known_seldom[node] = found if found is not None and found.seldom else None
        return self._known_seldom[node]

    def _climb(self, node: ast.AST) -> Hot | None:
        """Climb from a node to what repeats it, or to where that was answered before."""
        asked: list[tuple[ast.AST, bool]] = []
        answer: Hot | None = None
        looped = False
        for child, parent in self._syntax.ancestors(node):
            key = child, looped
            if key in self._known:
                answer = self._known[key]
                break
            asked.append(key)
            if isinstance(parent, ast.Lambda) or self._cold.why(child, parent, looped=looped):
                break
            if isinstance(parent, Loop):
                repeated = self._repeats(parent, child)
                if repeated and parent in self._step_loops:
                    cold = self._cold.in_cold_function(parent)
                    answer = None if cold else _in_loop(parent, None)
                    break
                looped = looped or (repeated and not _walks_over_parts(parent))
            elif isinstance(parent, Function):
                answer = self._of_function(child, parent, self._hot_functions)
                break
        self._known.update(dict.fromkeys(asked, answer))
        return answer

    def _hot_or_guarded(self, node: ast.AST, functions: Mapping[Function, Hot]) -> Hot | None:
        """Climb from a node to what repeats it, also from where it runs seldom."""
        if self._of_tests:
            return None
        seldom: Seldom | None = None
        looped = False
        for child, parent in self._syntax.ancestors(node):
            if isinstance(parent, ast.Lambda):
                return None
            if why := self._cold.why(child, parent, looped=looped):
                if why is Seldom.ERROR:
                    return None
                seldom = seldom or why  # the nearest says it best
            if isinstance(parent, Loop):
                repeated = self._repeats(parent, child)
                if repeated and parent in self._step_loops:
                    if self._cold.in_cold_function(parent):
                        return None
                    return _in_loop(parent, seldom)
                looped = looped or (repeated and not _walks_over_parts(parent))
            elif isinstance(parent, Function):
                hot = self._of_function(child, parent, functions)
                return replace(hot, seldom=seldom) if hot and seldom else hot
        return None

    def _repeats(self, loop: Loop, child: ast.AST) -> bool:
        in_body = self._syntax.in_block(child, loop.body)
        return in_body or child is getattr(loop, "test", None)

    def _of_function(
        self, child: ast.AST, function: Function, functions: Mapping[Function, Hot]
    ) -> Hot | None:
        # What comes before the body (defaults, decorators) runs once.
        hot = functions.get(function) if self._syntax.in_block(child, function.body) else None
        if hot is None or self._cold.in_cold_function(child, called=bool(hot.chain)):
            return None
        return hot

    @cached_property
    def _hot_or_seldom(self) -> dict[Function, Hot]:
        """The hot functions, and what the guarded places of hot code call."""
        found = dict(self._hot_functions)
        scopes = [self._syntax.scope(loop) for loop in self._step_loops]
        for scope in dict.fromkeys([*scopes, *self._hot_functions]):
            for call in self._syntax.calls_in(scope):
                called = self._callees.own(call)
                if called is None or self._has_step_loop(called):
                    continue
                if hot := self._hot_or_guarded(call, self._hot_functions):
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
            if isinstance(parent, (Function, ast.Lambda)):
                return None
            if not isinstance(parent, Loop) or parent not in self._step_loops:
                continue
            if self._syntax.in_block(child, parent.body):
                return parent
        return None

    def is_step_loop(self, loop: ast.AST) -> bool:
        """Whether one turn of this loop is one training step."""
        return loop in self._step_loops

    def rare(self, test: ast.expr) -> bool:
        """Whether a condition is true in few of the steps only."""
        return self._cold.rare(test) is not None

    def is_given(self, node: ast.expr) -> bool | None:
        """Return whether what a call passes is never None, or always; None where that is open."""
        return self._cold.is_given(node)

    def hook(self, function: ast.AST) -> str | None:
        """Return which framework class calls this method in every step."""
        return self._roots.hook(function)

    @cached_property
    def only_runs(self) -> bool:
        """Whether the file holds a model that nobody can train, with what it is made of."""
        return any(map(self._roots.refuses_training, self._syntax.classes))

    def called(self, call: ast.Call) -> Function | str | None:
        """Return the function of this file that a call runs, or the full name of another."""
        return self._callees.of(call)

    def is_module(self, home: ast.ClassDef) -> bool:
        """Whether a class of this file is an `nn.Module`."""
        return self._roots.is_module(home)

    def computes(self, function: ast.AST) -> bool:
        """Whether training gives this function tensors: a `forward`, a loss, what maps them."""
        return function in self._computing or function in self._handed

    def without_grad(self, node: ast.AST) -> bool:
        """Whether autograd is off here, by `with` or by decorator."""
        return self._cold.without_grad(node)

    def _add(self, function: Function, place: Place, why: str) -> None:
        self._hot_functions.setdefault(function, Hot(place, function.lineno, why))
        self._known.clear()

    def _add_called(self, callers: Iterable[ast.AST]) -> None:
        """Take in what the hot code of these functions calls, and what that calls in turn."""
        for _ in range(_DEEPEST_CALL):
            found: dict[Function, Hot] = {}
            for call in (c for scope in callers for c in self._syntax.calls_in(scope)):
                for called in self._references.may_run(call):
                    if called in self._hot_functions or self._has_step_loop(called):
                        continue
                    if hot := self.hot(call):
                        chain = (*hot.chain, f"{self._path}:{call.lineno}")
                        why = self._by_way_of(called, chain)
                        found.setdefault(called, Hot(hot.place, hot.line, why, chain))
            for scope in callers:
                for node in self._references.handed_on(scope):
                    given = self._names.definition(node)
                    if not isinstance(given, Function) or given in self._hot_functions:
                        continue
                    if not self._has_step_loop(given) and (hot := self.hot(node)):
                        chain = (*hot.chain, f"{self._path}:{node.lineno}")
                        why = self._by_way_of(given, chain)
                        found.setdefault(given, Hot(hot.place, hot.line, why, chain))
                        self._handed.add(given)
            self._hot_functions.update(found)
            self._known.clear()
            callers = list(found)

    def _add_called_from(self, outside: Outside) -> None:
        """Take in what other files call in every step."""
        if not outside.called:
            return
        added: list[Function] = []
        for function in self._syntax.functions:
            call = self._called_outside(function)
            if call and function not in self._hot_functions and not self._has_step_loop(function):
                why = self._by_way_of(function, call.chain)
                self._hot_functions[function] = Hot(call.place, function.lineno, why, call.chain)
                added.append(function)
        self._known.clear()
        self._add_called(added)

    def _called_outside(self, function: Function) -> HotCall | None:
        """Return how other files call a function in every step."""
        return called_in_steps(self._outside, self._syntax.full_name(function))

    def _by_way_of(self, function: Function, chain: tuple[str, ...]) -> str:
        """Say by which calls a function runs in every step."""
        if len(chain) == 1 and chain[0].startswith(f"{self._path}:"):
            return f"`{function.name}` is called in every step, at line {chain[0].rsplit(':')[-1]}"
        return f"`{function.name}` is called in every step: {' → '.join(chain)}"

    def calls_outward(self) -> Iterator[tuple[ast.Call, str, Hot]]:
        """Yield the hot calls of what other files may define, by the full name they go by here."""
        if self._of_tests or not (self._step_loops or self._hot_functions):
            return
        for call in self._syntax.calls:
            if (hot := self.hot(call)) is not None:
                for target in self._references.outward(call):
                    yield call, target, hot

    def _add_forwards(self) -> None:
        """Take in `forward`, losses and what they call: in every step of whoever trains them."""
        for function in self._trained:
            name = self._syntax.full_name(function)
            self._add(function, Place.FORWARD, f"`{name}` runs in every step")
        self._add_called(self._trained)

    @cached_property
    def _trained(self) -> list[Function]:
        """The functions that training runs by calling the module, or its loss."""
        return [each for each in self._computing if not self._roots.gives_no_loss(each)]

    @cached_property
    def _computing(self) -> dict[Function, None]:
        """The functions that compute outputs and losses of a module, in the order of the text."""
        roots = self._roots
        functions = self._syntax.functions
        return dict.fromkeys(f for f in functions if roots.is_forward(f) or roots.is_loss(f))

    def _has_step_loop(self, function: Function) -> bool:
        return function in self._looping


def _walks_over_parts(loop: Loop) -> bool:
    """Whether a loop takes the losses, parameters or elements of one step, rather than batches."""
    source = None if isinstance(loop, ast.While) else loop.iter
    if not isinstance(source, ast.Call):
        return False
    if isinstance(source.func, ast.Name) and source.func.id == "zip":
        return all("param" in ast.unparse(arg) for arg in source.args)
    return isinstance(source.func, ast.Attribute) and source.func.attr in _PARTS


def _in_loop(loop: Loop, seldom: Seldom | None) -> Hot:
    why = f"in the step loop of line {loop.lineno}"
    return Hot(Place.LOOP, loop.lineno, why, seldom=seldom)
