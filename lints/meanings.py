"""What the names and calls of a condition stand for, in the code around it and in its callers."""

import ast
import re
import weakref
from collections.abc import Callable
from typing import Self

from .callees import Callees
from .elsewhere import flag_passed
from .flags import Seldom
from .given import Given
from .guards import commonest, never, rare
from .names import Names
from .nodes import Function, Loop, default_of, walk
from .outside import HotCall, called_in_steps
from .reach import Reach
from .supplies import passed, returned_by, spreads
from .syntax import Syntax

# Called by frameworks too, whatever this file passes them.
_CALLED_BY_OTHERS = {"forward", "training_step", "compute_loss", "__call__"}
# Flags of these names part one step into several: what they guard still runs in each whole one.
_STEPS = re.compile(r"step|update|accum|sync|optim|grad")


class Meanings:
    """Answers for one file; within a helper, its parameters stand for what a call passes."""

    def __init__(
        self,
        syntax: Syntax,
        names: Names,
        callees: Callees | None = None,
        seldom: Callable[[ast.AST], Seldom | None] = lambda node: None,
        within: tuple[ast.Call, Function] | None = None,
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._callees = callees
        self._seldom = seldom
        self._within = within
        self._rewrites: bool | None = None
        self._by_called: dict[Function, list[ast.Call]] | None = None
        self._by_callers: dict[tuple[Function, str], Seldom | None] = {}
        self._asked: set[tuple[Function, str]] = set()
        self._cuts = 0
        self._given = Given(callees, weakref.proxy(self), seldom) if callees else None
        # Which calls count; all of them until it is known where training begins.
        self.reach: Reach | None = None

    @property
    def asking(self) -> bool:
        """Whether what a caller passes is being worked out: answers may still change."""
        return bool(self._asked) or (self._given is not None and self._given.questions.asking)

    @property
    def cuts(self) -> int:
        """How often an answer rested on a question that was open."""
        given = self._given.questions.cuts if self._given else 0
        return self._cuts + given + (self.reach.cuts if self.reach else 0)

    def settled(self, since: int) -> bool:
        """Whether what was found since so many cuts rests on no open question.

        Where too much was asked already, it is taken for settled: better vague than for ever.
        """
        if self.cuts == since or not self.asking:
            return True
        if self._given is None:
            return False
        spent = self._given.questions.spent
        self._given.questions.spend()
        return spent

    def stands_for(self, node: ast.AST) -> ast.expr | None:
        """Return what a name is bound to, where its scope binds it once."""
        if not isinstance(node, ast.Name):
            return None
        if self._within is not None and self._function_of(node) is self._within[1]:
            call, function = self._within
            return passed(call, function, node.id) or default_of(function, node.id)
        home = self._names.home(node, node.id)
        if isinstance(home, ast.Module) and self._rewrites_globals():
            return None
        found = self.readings(node)
        return found[0] if len(found) == 1 and len(self._names.stores(node)) == 1 else None

    def readings(self, node: ast.AST) -> list[ast.expr]:
        """Return all expressions that a name is bound to; none where one of them is no such."""
        if not isinstance(node, ast.Name):
            return []
        found: list[ast.expr] = []
        for bound in self._names.stores(node):
            match self._syntax.parent(bound):
                case ast.Assign(value=value, targets=targets) if bound in targets:
                    found.append(value)
                case ast.AnnAssign(value=ast.expr() as value) | ast.NamedExpr(value=value):
                    found.append(value)
                case _:
                    return []
        return found

    def answers(self, call: ast.Call) -> tuple[list[ast.expr], Self] | None:
        """Return what a function of this file can give back, each with what has to hold for it."""
        function = self._callees.of(call) if self._callees else self._names.definition(call.func)
        if not isinstance(function, Function) or isinstance(function, ast.AsyncFunctionDef):
            return None
        if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in walk(function)):
            return None
        given = [self._on_condition(value, function) for value in returned_by(function)]
        if not given:
            return None
        if not isinstance(function.body[-1], (ast.Return, ast.Raise)):
            given.append(ast.Constant(None))
        inner = type(self)(self._syntax, self._names, self._callees, self._seldom, (call, function))
        return given, inner

    def _on_condition(self, value: ast.expr, function: Function) -> ast.expr:
        """Join what is given back with the conditions of the branches that it stands in."""
        if never(value):
            return value
        parts = [] if isinstance(value, ast.Constant) else [value]
        for child, parent in self._syntax.ancestors(value):
            if parent is function:
                break
            if isinstance(parent, ast.If) and child is not parent.test:
                holds = child in parent.body
                parts.append(parent.test if holds else ast.UnaryOp(ast.Not(), parent.test))
        if not parts:
            return value
        return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)

    def by_callers(self, node: ast.AST) -> Seldom | None:
        """Return why a parameter is true in few steps only, by all that callers pass."""
        function = self._function_of(node)
        if function is None or not isinstance(node, ast.Name):
            return None
        key = function, node.id
        if key not in self._by_callers:
            if function.name in _CALLED_BY_OTHERS or _STEPS.search(node.id):
                return None
            if key in self._asked:
                self._cuts += 1
                return None
            self._asked.add(key)
            try:
                self._by_callers[key] = self._passed(function, node.id)
            finally:
                self._asked.discard(key)
        return self._by_callers[key]

    def is_given(self, node: ast.AST) -> bool | None:
        """Return whether a name is never None, or always, by all that callers pass.

        None where callers differ, or where nobody in sight calls the function.
        """
        if self._within or not isinstance(node, ast.Name):
            return None
        return self.is_there(node)

    def is_there(self, node: ast.expr) -> bool | None:
        """Return whether an expression is never None, or always; None where that is open."""
        return self._given.there(node) if self._given else None

    def calls(self, function: Function) -> list[ast.Call]:
        """Return the calls by which training runs a function, of objects that are called too."""
        calls = self._calls_of(function)
        return calls if self.reach is None else [c for c in calls if self.reach.comes_to(c)]

    def _calls_of(self, function: Function) -> list[ast.Call]:
        if self._by_called is None:
            self._by_called = {}
            for call in self._syntax.calls:
                called = self._callees.own(call) if self._callees else None
                if called is not None:
                    self._by_called.setdefault(called, []).append(call)
        return self._by_called.get(function, [])

    def _passed(self, function: Function, name: str) -> Seldom | None:
        found: list[Seldom | None] = []
        # A flag that nobody here ever sets may be set by others, if others run the function.
        told = self.reach is not None and not self.reach.is_root(function)
        for call in self._most_frequent(self._callers(function)):
            given = passed(call, function, name)
            if given is None and (spreads(call) or default_of(function, name) is None):
                return None
            given = given or default_of(function, name)
            if given is not None:
                why = rare(given, self) or (None if never(given) else self._seldom(call))
                told = told or why is not None
                found.append(why or never(given))
        if call_elsewhere := self.elsewhere(function):
            found.append(flag_passed(call_elsewhere, function, name))
            told = told or bool(call_elsewhere.seldom)
        return commonest(found) if told else None

    def _callers(self, function: Function) -> list[ast.Call]:
        """Return the calls of this file that run a function, as a method of an object too."""
        if self._callees is None:
            return self._names.callers(function)
        named = self._syntax.calls_to(function.name)
        calls = [call for call in named if self._callees.own(call) is function]
        return calls if self.reach is None else [c for c in calls if self.reach.comes_to(c)]

    def _most_frequent(self, calls: list[ast.Call]) -> list[ast.Call]:
        """Leave out calls after a loop in which the same is called, as at the end of an epoch."""
        around = {call: self._loops(call) for call in calls}
        return [
            call
            for call in calls
            if not any(
                around[call] < around[other]
                for other in calls
                if self._syntax.scope(other) is self._syntax.scope(call)
            )
        ]

    def _loops(self, call: ast.Call) -> set[Loop]:
        found: set[Loop] = set()
        for child, parent in self._syntax.ancestors(call):
            if isinstance(parent, (Function, ast.Lambda)):
                break
            if isinstance(parent, Loop) and child in parent.body:
                found.add(parent)
        return found

    def elsewhere(self, function: Function) -> HotCall | None:
        """Return what other files pass to a function in every step."""
        return called_in_steps(self._names.outside, self._syntax.full_name(function))

    def _function_of(self, node: ast.AST) -> Function | None:
        """Return the function whose parameter a name is, where nothing else binds it."""
        if not isinstance(node, ast.Name):
            return None
        stores = self._names.stores(node)
        only = stores[0] if len(stores) == 1 else None
        return only if isinstance(only, Function) else None

    def _rewrites_globals(self) -> bool:
        """Whether the file changes its own names at run time, as a script with options may."""
        if self._rewrites is None:
            self._rewrites = bool(self._syntax.calls_to("exec", "globals"))
        return self._rewrites
