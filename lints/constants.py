"""What is the same in every step: literals, names of the module, settings, what `__init__` made."""

import ast
import re
from collections.abc import Callable, Iterable

from .bindings import Binding, Bindings, How
from .elsewhere import keys
from .names import Names
from .nodes import Function, default_of, dotted, path_of
from .outside import called_in_steps
from .supplies import passed
from .syntax import Syntax

# How many names, calls and callers are followed one after the other.
_DEEPEST = 8
_SETTINGS = re.compile(
    r"^\.?_?(\w+_)?(config|cfg|conf|args|opts?|options|hparams|hps|settings|flags)$", re.IGNORECASE
)
# What an optimizer has, whatever it is called.
_STATE = {".param_groups", ".state"}
_NUMPY_READS = re.compile(r"^numpy\.(random\.|load|fromfile|memmap|genfromtxt)")
# What these methods give back depends on their owner and arguments alone.
_DERIVES = {"astype", "copy", "reshape", "transpose", "tolist", "flatten", "squeeze", "ravel"}
# These change their owner in place.
_CHANGES = ("append", "extend", "insert", "fill", "sort", "pop", "remove", "update", "put")


class Constants:
    """Answers whether an expression is the same in every step."""

    def __init__(
        self,
        syntax: Syntax,
        names: Names,
        bindings: Bindings,
        is_module: Callable[[ast.ClassDef], bool],
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._bindings = bindings
        self._is_module = is_module
        self._filled: set[str] | None = None

    def holds(self, node: ast.AST, depth: int = _DEEPEST) -> bool:
        """Whether an expression is the same in every step, as far as the file can say."""
        if not depth:
            return False
        match node:
            case ast.Constant():
                return True
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return self._all(parts, depth)
            case ast.BinOp(left=left, right=right):
                return self._all([left, right], depth)
            case ast.UnaryOp(operand=operand):
                return self.holds(operand, depth - 1)
            case ast.Subscript(value=owner, slice=key):
                return self._all([owner, key], depth)
            case ast.Slice(lower=lower, upper=upper, step=step):
                return self._all([part for part in (lower, upper, step) if part], depth)
            case ast.Call():
                return self._holds_call(node, depth)
            case ast.Name() | ast.Attribute():
                return self._holds_name(node, depth)
        return False

    def _all(self, parts: Iterable[ast.AST], depth: int) -> bool:
        return all(self.holds(part, depth - 1) for part in parts)

    def _holds_call(self, call: ast.Call, depth: int) -> bool:
        given = [*call.args, *(k.value for k in call.keywords)]
        if name := self._names.of(call.func):
            of_numpy = name.startswith("numpy.") and not _NUMPY_READS.match(name)
            return of_numpy and self._all(given, depth)
        if self._names.builtin(call.func) in ("list", "tuple", "range"):
            return self._all(given, depth)
        if isinstance(call.func, ast.Attribute) and call.func.attr in _DERIVES:
            return self._all([call.func.value, *given], depth)
        return False

    def _holds_name(self, node: ast.Name | ast.Attribute, depth: int) -> bool:
        path = path_of(node)
        if path is None or dotted(node) in self._filled_later:
            return False
        if imported := self._names.of(node):
            last = imported.rpartition(".")[2]
            return imported.startswith(("numpy.", "torch.", "math.")) or last.isupper()
        if any(_SETTINGS.match(part) for part in path[:-1]) and not _STATE.intersection(path):
            return True
        if isinstance(node, ast.Attribute):
            return path[0] == "self" and len(path) == 2 and self._is_set_at_first(node, path)
        if found := self._bindings.reaching(node, path):
            return all(self._holds_bound(binding, depth) for binding in found)
        return self._is_of_module(node)

    @property
    def _filled_later(self) -> set[str]:
        """What the file changes in place, after it is made, as in `counts[i] = 1`."""
        if self._filled is None:
            stores = (n for n in self._syntax.nodes(ast.Subscript) if _is_store(n))
            grown = self._syntax.calls_to(*_CHANGES)
            owners: list[ast.AST] = [store.value for store in stores]
            owners += [call.func.value for call in grown if isinstance(call.func, ast.Attribute)]
            self._filled = {name for owner in owners if (name := dotted(owner))}
        return self._filled

    def is_set_once(self, node: ast.Attribute) -> bool:
        """Whether this is `self.x` of a module that assigns it in one place of its `__init__`."""
        path = path_of(node)
        return path is not None and len(self._set_by(node, path)) == 1 and self.holds(node)

    def _set_by(self, node: ast.Attribute, path: tuple[str, ...]) -> list[Binding]:
        home = self._names.own_class(node)
        if home is None or not self._is_module(home):
            return []
        return self._bindings.of_methods(home, self._names.methods(home), path)

    def _is_set_at_first(self, node: ast.Attribute, path: tuple[str, ...]) -> bool:
        """Whether only the `__init__` of a module assigns an attribute."""
        found = self._set_by(node, path)
        homes = {self._syntax.function(binding.site) for binding in found}
        return bool(found) and {getattr(each, "name", "") for each in homes} == {"__init__"}

    def _is_of_module(self, node: ast.Name) -> bool:
        """Whether the module binds a name, once."""
        bound = self._names.stores(node)
        holder = self._syntax.parent(bound[0]) if len(bound) == 1 else None
        return isinstance(holder, ast.Assign) and holder in self._syntax.tree.body

    def _holds_bound(self, binding: Binding, depth: int) -> bool:
        match binding:
            case Binding(how=How.ASSIGN, source=ast.expr() as source, at=()):
                return self.holds(source, depth - 1)
            case Binding(how=How.PARAMETER, site=site, source=ast.arg() as arg):
                return self._are_all_passed(site, arg.arg, depth)
        return False

    def _are_all_passed(self, function: ast.AST, name: str, depth: int) -> bool:
        """Whether all callers pass a parameter what is the same in every step."""
        if not isinstance(function, Function) or self._is_passed_outside(function, name):
            return False
        default = default_of(function, name)
        given = [passed(call, function, name) for call in self._names.callers(function)]
        if default is not None and (None in given or not given):
            given.append(default)
        known = [each for each in given if each is not None]
        enough = len(known) == len(given) or default is not None
        return bool(known) and enough and self._all(known, depth)

    def _is_passed_outside(self, function: Function, name: str) -> bool:
        """Whether another file gives a parameter, in a call that runs in every step."""
        call = called_in_steps(self._names.outside, self._syntax.full_name(function))
        by = keys(function, name)
        return call is not None and any(key in by for key, _ in call.passed)


def _is_store(node: ast.Subscript) -> bool:
    return not isinstance(node.ctx, ast.Load)
