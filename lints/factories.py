"""Calls that make a new tensor, and what brings that tensor to the device afterwards."""

import ast
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

from .bindings import Bindings, How
from .names import Names
from .new_tensors import BETWEEN, Made, NewTensors
from .nodes import dotted, keyword, path_of, walk
from .syntax import Syntax
from .values import Kind, Value
from .vocabulary import DTYPES

_DEVICE_NAME = re.compile(r"(^|_)(device|dev|gpu|cuda|rank|gpu_?id|dev_?id)(_?\d+)?$", re.I)


@dataclass(frozen=True, slots=True)
class Moved:
    """A tensor that is `made` on the host and that a call then copies to `device`.

    `device` is None for `.cuda()`; `like` is the tensor whose device it goes to in `.type_as(x)`.
    """

    made: Made
    device: ast.expr | None
    like: ast.expr | None


class Factories:
    """Answers whether a call moves a tensor that was just made."""

    def __init__(
        self,
        syntax: Syntax,
        names: Names,
        bindings: Bindings,
        value: Callable[[ast.AST], Value],
        new: NewTensors,
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._bindings = bindings
        self._value = value
        self._new = new
        self._later: dict[ast.expr, Moved] | None = None
        self._loads: dict[ast.AST, dict[str, list[ast.Name]]] = {}

    def name(self, call: ast.Call) -> str | None:
        """Return `zeros` for `torch.zeros(...)` under whichever name; None for other calls."""
        return self._new.name(call)

    def is_device_type(self, call: ast.Call) -> bool:
        """Whether this calls `Tensor`, of `Tensor = torch.cuda.FloatTensor if cuda else ...`."""
        return is_device_type(self._syntax, self._names, call.func)

    def is_empty(self, call: ast.Call) -> bool:
        """Whether a factory makes a tensor without elements, of which nothing is copied."""
        return self._new.is_empty(call)

    def moved(self, call: ast.Call, source: ast.expr | None = None) -> Moved | None:
        """Return what `torch.zeros(n).cuda()` moves; None where the call moves nothing new.

        `source` stands in for what is moved, where that is a name.
        """
        if not isinstance(call.func, ast.Attribute):
            return None
        device: ast.expr | None = None
        like: ast.expr | None = None
        match call.func.attr:
            case "cuda":
                device = next(iter(call.args), None) or keyword(call, "device")
            case "to":
                target = keyword(call, "device") or next(iter(call.args), None)
                if target is None:
                    return None
                if self.is_device(target):
                    device = target
                else:
                    like = target
            case "type_as" if len(call.args) == 1 and path_of(call.args[0]):
                like = call.args[0]
            case _:
                return None
        made = self._new.made(source or call.func.value, follow=source is not None)
        # What the target holds takes far longer to tell than whether anything new is moved there.
        if made is None or (call.func.attr == "to" and like and not self._is_tensor_there(like)):
            return None
        return Moved(made, device, like)

    def moved_later(self, factory: ast.Call) -> Moved | None:
        """Return how `x = torch.zeros(n)` is moved by a statement that reads `x` first: `x.cuda()`.

        None where something else is done with it on the host before.
        """
        if self._later is None:
            self._later = {}
            for move in self._syntax.calls_to("cuda", "to", "type_as"):
                if (moved := self.moved_by_name(move)) and moved.made.direct:
                    self._later.setdefault(moved.made.factory, moved)
        return self._later.get(factory)

    def moved_by_name(self, move: ast.Call) -> Moved | None:
        """Return what `x.cuda()` moves where a statement before it made `x`, and nobody read it."""
        owner = move.func.value if isinstance(move.func, ast.Attribute) else None
        while isinstance(owner, ast.Call) and isinstance(owner.func, ast.Attribute):
            if owner.func.attr not in BETWEEN:
                return None
            owner = owner.func.value
        if not isinstance(owner, ast.Name):
            return None
        found = self._bindings.reaching(owner, (owner.id,))
        if len(found) != 1 or found[0].how is not How.ASSIGN or found[0].at:
            return None
        source = found[0].source
        if not isinstance(source, ast.expr) or not self._is_read_first(owner, source):
            return None
        moved = self.moved(move, source)
        return replace(moved, made=replace(moved.made, fixable=False)) if moved else None

    def _is_read_first(self, owner: ast.Name, source: ast.AST) -> bool:
        """Whether nothing reads a name between its binding and this place, on whatever way."""
        scope = self._syntax.scope(owner)
        home = self._syntax.statement(source)
        if home is None or scope is not self._syntax.scope(source):
            return False
        loads = self._loads_in(scope)[owner.id]
        after = bisect_right(loads, home.end_lineno or home.lineno, key=lambda load: load.lineno)
        return after < len(loads) and loads[after] is owner

    def _loads_in(self, scope: ast.AST) -> dict[str, list[ast.Name]]:
        """Return by name what reads names in a scope and below, in the order of the text."""
        if scope not in self._loads:
            by_name: dict[str, list[ast.Name]] = defaultdict(list)
            for node in walk(scope):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    by_name[node.id].append(node)
            for loads in by_name.values():
                loads.sort(key=lambda load: (load.lineno, load.col_offset))
            self._loads[scope] = by_name
        return self._loads[scope]

    def _is_tensor_there(self, node: ast.expr) -> bool:
        """Whether `.to(x)` goes where a tensor is, and that is not the host for certain."""
        if not path_of(node) or self._names.of(node) or _DEVICE_NAME.search(_last(node)):
            return False
        value = self._value(node)
        return value.holds_device_tensors and value.kind in (Kind.TENSOR, Kind.NEST, Kind.UNKNOWN)

    def is_device(self, node: ast.expr) -> bool:
        """Whether an expression is a device other than the host."""
        match node:
            case ast.Constant(value=str() as text):
                return not text.startswith(("cpu", "meta"))
            case ast.Constant(value=value):
                return isinstance(value, int) and not isinstance(value, bool)
            case ast.Call(func=func, args=[first, *_]) if self._names.of(func) == "torch.device":
                return self.is_device(first) or not isinstance(first, ast.Constant)
            case ast.Call(func=func, args=[], keywords=[]):
                return bool(_DEVICE_NAME.search(_last(func)))
            case ast.Name() | ast.Attribute():
                if self._names.of(node) in DTYPES or not _DEVICE_NAME.search(_last(node)):
                    return False
                return not self._is_host(node)
        return False

    def _is_host(self, node: ast.expr) -> bool:
        path = path_of(node)
        found = self._bindings.reaching(node, path) if path else []
        if not found and path and (home := self._names.home(node, path[0])):
            found = self._bindings.everywhere(home, path)
        sources = [b.source for b in found if b.how is How.ASSIGN and b.path == path]
        plain = [s for s in sources if isinstance(s, (ast.Constant, ast.Call))]
        return bool(plain) and not any(self.is_device(source) for source in plain)


def is_device_type(syntax: Syntax, names: Names, name: ast.AST) -> bool:
    """Whether a name is bound once, to a type of tensors that lie on the GPU where there is one."""
    if not isinstance(name, ast.Name) or not name.id.endswith("Tensor"):
        return False
    bound = names.stores(name)
    holder = syntax.parent(bound[0]) if len(bound) == 1 else None
    if not isinstance(holder, ast.Assign) or not isinstance(holder.value, ast.IfExp):
        return False
    sides = (names.of(side) or "" for side in (holder.value.body, holder.value.orelse))
    return any(side.startswith("torch.cuda.") and side.endswith("Tensor") for side in sides)


def _last(node: ast.AST) -> str:
    return (dotted(node) or "").rsplit(".", 1)[-1]
