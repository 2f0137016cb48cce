"""What `torch.compile` is given in this file, and the functions that run inside of it."""

import ast
from collections.abc import Iterator

from .bindings import Bindings, How
from .names import Names
from .nodes import Function, path_of
from .regions import Regions
from .supplies import called_name
from .syntax import Syntax

_COMPILE = "torch.compile"
_LEFT_OUT = ("disable", "is_compiling", "is_dynamo_compiling", "is_tracing", "is_scripting")
_DEEPEST = 2


class Compiled:
    """Answers which code is traced by `torch.compile`, as far as this file tells."""

    def __init__(
        self,
        syntax: Syntax,
        names: Names,
        regions: Regions,
        bindings: Bindings,
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._regions = regions
        self._bindings = bindings
        self._functions: dict[Function, str] | None = None

    def is_compile(self, node: ast.AST) -> bool:
        """Whether this is a call of `torch.compile`."""
        return isinstance(node, ast.Call) and self._names.of(node.func) == _COMPILE

    def calls(self) -> list[ast.Call]:
        """Return all calls of `torch.compile`."""
        return [call for call in self._syntax.calls_to("compile") if self.is_compile(call)]

    def is_anew(self, call: ast.Call) -> bool:
        """Whether a call of `torch.compile` runs whenever the code around it does."""
        for child, parent in self._syntax.ancestors(call):
            if isinstance(parent, ast.If | ast.IfExp | ast.BoolOp | ast.Try):
                return False  # most likely it is only made where it is not there yet
            if isinstance(parent, Function):
                return child in parent.body and not parent.decorator_list
            if isinstance(parent, ast.Lambda):
                return False
        return True

    def made_here(self, call: ast.Call) -> str | None:
        """Return in words what is compiled, where it is made anew each time the code runs."""
        given = next(iter(call.args), None)
        home = self._syntax.function(call)
        if home is None or given is None or not self.is_anew(call):
            return None
        if isinstance(given, ast.Lambda):
            return "a lambda"
        if isinstance(given, ast.Name):
            made = self._names.definition(given)
            if isinstance(made, Function) and self._syntax.scope(made) is home:
                return f"the local function `{made.name}`"
        return None

    def is_called_at_once(self, call: ast.Call) -> bool:
        """Whether what is compiled is called in the same function, and not kept."""
        parent = self._syntax.parent(call)
        if isinstance(parent, ast.Call) and parent.func is call:
            return True
        if not isinstance(parent, ast.Assign) or not isinstance(parent.targets[0], ast.Name):
            return False
        name, home = parent.targets[0].id, self._syntax.function(call)
        uses = [
            node
            for node in (ast.walk(home) if home else ())
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        ]
        return bool(uses) and all(
            isinstance(up := self._syntax.parent(use), ast.Call) and up.func is use for use in uses
        )

    def region(self, node: ast.AST) -> str | None:
        """Return the compiled function that a node always runs in; None where it does not."""
        for child, parent in self._syntax.ancestors(node):
            if isinstance(parent, ast.If | ast.IfExp | ast.BoolOp | ast.ExceptHandler | ast.Lambda):
                return None
            if isinstance(parent, ast.ClassDef):
                return None
            if isinstance(parent, Function):
                return self._traced().get(parent) if child in parent.body else None
        return None

    def any_traced(self) -> bool:
        """Whether the file has code that is compiled."""
        return bool(self._traced())

    def _traced(self) -> dict[Function, str]:
        if self._functions is None:
            found = {function: function.name for function in self._roots()}
            for _ in range(_DEEPEST):
                for call in self._syntax.calls:
                    home = self._syntax.function(call)
                    called = self._names.definition(call.func)
                    if home not in found or not isinstance(called, Function):
                        continue
                    if self._always_runs(call, found) and not _is_left_out(called):
                        found.setdefault(called, found[home])
            self._functions = found
        return self._functions

    def _always_runs(self, call: ast.Call, found: dict[Function, str]) -> bool:
        """Whether a call always runs where its function does."""
        for child, parent in self._syntax.ancestors(call):
            if isinstance(parent, ast.If | ast.IfExp | ast.BoolOp | ast.ExceptHandler | ast.Lambda):
                return False
            if isinstance(parent, Function):
                return parent in found and child in parent.body
        return False

    def _roots(self) -> Iterator[Function]:
        for function in self._syntax.functions:
            for decorator in function.decorator_list:
                func = decorator.func if isinstance(decorator, ast.Call) else decorator
                if self._names.of(func) == _COMPILE:
                    yield function
        for call in self.calls():
            given = next(iter(call.args), None)
            if given is None:
                continue
            made = self._names.definition(given) if path_of(given) else None
            if isinstance(made, Function):
                yield made
            else:
                yield from self._forward_of(given)

    def _forward_of(self, node: ast.expr) -> Iterator[Function]:
        """Yield the `forward` of a module of this file."""
        sources: list[ast.AST | None] = [node]
        if (path := path_of(node)) is not None:
            found = self._bindings.reaching(node, path)
            if not found and (home := self._names.home(node, path[0])):
                found = self._bindings.everywhere(home, path)
            sources = [b.source for b in found if b.how is How.ASSIGN and b.path == path]
        for source in sources:
            while isinstance(source, ast.Call) and called_name(source) in ("to", "cuda", "train"):
                source = getattr(source.func, "value", None)
            made = self._names.definition(source.func) if isinstance(source, ast.Call) else None
            if isinstance(made, ast.ClassDef) and self._regions.is_module(made):
                forward = self._names.method(made, "forward")
                if forward is not None and not _is_left_out(forward):
                    yield forward


def _is_left_out(function: Function) -> bool:
    """Whether a function says that it is not to be traced."""
    texts = [ast.unparse(decorator) for decorator in function.decorator_list]
    return any(word in text for text in texts for word in _LEFT_OUT)
