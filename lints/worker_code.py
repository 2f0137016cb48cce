"""What runs in the worker processes of loaders: methods of datasets, and what collates items."""

import ast

from .bindings import Bindings, How
from .loaders import Loaders
from .names import Names
from .nodes import Function, keyword, path_of
from .syntax import Syntax

_HOOKS = {"__getitem__", "__getitems__", "__iter__", "__next__"}
_OPTIONS = ("collate_fn", "worker_init_fn")


class WorkerCode:
    """Answers which calls run in workers, and which of these use the GPU."""

    def __init__(self, syntax: Syntax, names: Names, bindings: Bindings, loaders: Loaders) -> None:
        self._syntax = syntax
        self._names = names
        self._bindings = bindings
        self._loaders = loaders

    def touches_gpu(self, call: ast.Call) -> bool:
        """Whether this is `x.cuda()`, or `x.to(...)` with a device that is certainly a GPU."""
        if not isinstance(call.func, ast.Attribute):
            return False
        if call.func.attr == "cuda":
            # Not a function of a module, as `torch.cuda` is.
            return self._names.of(call.func) is None and self._function(call) is not None
        target = keyword(call, "device") or next(iter(call.args), None)
        if call.func.attr != "to" or target is None:
            return False
        return self._function(call) is not None and self._is_gpu(target)

    def runs_in_workers(self, call: ast.Call) -> str | None:
        """Return the function in whose body a call is run by worker processes."""
        function = self._function(call)
        if function is None:
            return None
        home = self._syntax.class_of(function)
        loaders = self._loaders.calls
        if home is not None and function.name in _HOOKS:
            if not any(base.endswith("Dataset") for base in self._names.bases(home)):
                return None
            fed = [c for c in loaders if self._loaders.dataset_class(c) is home]
        else:
            fed = [c for c in loaders if self._is_option(c, function)]
        if any(not self._loaders.without_workers(loader) for loader in fed):
            return function.name
        return None

    def _function(self, call: ast.Call) -> Function | None:
        return self._syntax.function(call)

    def _is_option(self, loader: ast.Call, function: Function) -> bool:
        given = (self._loaders.option(loader, option) for option in _OPTIONS)
        return any(isinstance(g, ast.expr) and self._names.definition(g) is function for g in given)

    def _is_gpu(self, node: ast.expr, depth: int = 2) -> bool:
        match node:
            case ast.Constant(value=str() as text):
                return text.startswith("cuda")
            case ast.Call(args=[argument, *_]) if self._names.of(node.func) == "torch.device":
                return self._is_gpu(argument, depth)
            case ast.IfExp(test=test, body=body):
                # `"cuda" if torch.cuda.is_available() else "cpu"`: a GPU wherever there is one.
                return "cuda" in ast.unparse(test) and self._is_gpu(body, depth)
            case ast.Name() if depth and (path := path_of(node)):
                found = self._bindings.reaching(node, path)
                if not found and (home := self._names.home(node, path[0])):
                    found = self._bindings.everywhere(home, path)
                sources = [b.source for b in found if b.how is How.ASSIGN and not b.at]
                return len(found) == 1 and any(
                    isinstance(s, ast.expr) and self._is_gpu(s, depth - 1) for s in sources
                )
        return False
