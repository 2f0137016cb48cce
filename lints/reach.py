"""Which code training comes to, by whoever names a function: an upper bound, found backwards."""

import ast
from collections import defaultdict
from collections.abc import Callable, Collection
from functools import cached_property

from .nodes import Function
from .syntax import Syntax

# How many functions lead from a step to a call that counts.
_DEEPEST = 6


class Reach:
    """Answers whether a place can run in a step, beginning with the `roots`."""

    def __init__(
        self, syntax: Syntax, roots: Collection[ast.AST], seldom: Callable[[ast.AST], object]
    ) -> None:
        """Take what training runs by itself, and what says of a place that few steps reach it."""
        self._syntax = syntax
        self._roots = roots
        self._seldom = seldom
        self._known: dict[Function, bool] = {}
        self._asked: set[Function] = set()
        # Nothing is known yet to run these, but a question that they rest on is open.
        self._not_yet: set[Function] = set()
        # How often an answer rested on a question that was open, or was cut short.
        self.cuts = 0

    def is_root(self, function: Function) -> bool:
        """Whether others than the calls in sight run a function in every step."""
        return function in self._roots

    def comes_to(self, node: ast.AST) -> bool:
        """Whether training can come to the function around a node, and in it to the node."""
        function = self._syntax.function(node)
        return not self._seldom(node) and (function is None or self._runs(function))

    def _runs(self, function: Function) -> bool:
        if function in self._roots or function.name.startswith("__"):
            return True
        if function in self._known:
            return self._known[function]
        if function in self._asked or function in self._not_yet or len(self._asked) >= _DEEPEST:
            self.cuts += 1
            return function not in self._asked and function not in self._not_yet
        cuts = self.cuts
        runs = self._is_named_where_it_runs(function)
        if not self._asked or self.cuts == cuts:
            self._known[function] = runs
        elif not runs:
            self._not_yet.add(function)
        if runs or not self._asked:
            self._not_yet.clear()
        return runs

    def _is_named_where_it_runs(self, function: Function) -> bool:
        named = self._named.get(function.name, ())
        self._asked.add(function)
        try:
            # What nobody names is there for other files.
            return not named or any(map(self.comes_to, named))
        finally:
            self._asked.discard(function)

    @cached_property
    def _named(self) -> dict[str, list[ast.AST]]:
        """Where functions of this file are named."""
        own = {function.name for function in self._syntax.functions}
        found: dict[str, list[ast.AST]] = defaultdict(list)
        for name in self._syntax.nodes(ast.Name):
            if name.id in own:
                found[name.id].append(name)
        for member in self._syntax.nodes(ast.Attribute):
            if member.attr in own:
                found[member.attr].append(member)
        return found
