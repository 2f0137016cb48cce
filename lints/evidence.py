"""What other uses of a name prove: whoever has a backward pass run is a tensor with a graph."""

import ast
from functools import cached_property

from .bindings import Binding, Bindings, Path
from .feeding import EACH, Feeding
from .finding import Confidence
from .nodes import path_of
from .supplies import called_name
from .syntax import Syntax
from .values import LOSS, Device, Kind, Value, group
from .vocabulary import DTYPES, LOSS_NAME


class Evidence:
    """Adds to what the bindings of a name say of it."""

    def __init__(self, syntax: Syntax, bindings: Bindings, feeding: Feeding) -> None:
        self._syntax = syntax
        self._bindings = bindings
        self._feeding = feeding
        self._sites: dict[tuple[ast.AST, Path], dict[ast.AST, list[set[ast.AST]]]] = {}

    def added(self, node: ast.AST, path: Path, found: list[Binding], value: Value) -> Value:
        """Add what other uses prove: whoever has a backward pass run is a tensor with a graph."""
        if value.kind in (Kind.PLAIN, Kind.GROUP, Kind.MODULE, Kind.LOADER):
            return value
        if value.batch and value.device is Device.HOST:
            moved = self._is_moved_in_place(node, path)
            return value.but(device=Device.ACCELERATOR, batch=False) if moved else value
        tensor = value.kind is Kind.TENSOR and value.device is not Device.HOST
        open_question = tensor and (value.device is Device.UNKNOWN or not value.grad)
        vague = value.kind in (Kind.UNKNOWN, Kind.NEST) or value.confidence is Confidence.POSSIBLE
        if (open_question or vague) and self._is_backward_receiver(node, path, found):
            return LOSS.but(confidence=Confidence.PROVEN)
        if tensor and value.device is Device.UNKNOWN and self._feeding.feeds_backward(node):
            return value.but(device=Device.ACCELERATOR)
        if value.kind in (Kind.UNKNOWN, Kind.NEST) and value.device is not Device.HOST:
            return self._as_summand(node, path, found, value)
        return value

    def _is_moved_in_place(self, node: ast.AST, path: Path) -> bool:
        """Whether `batch.to(device)` stands before this on its own: a batch that moves itself."""
        line, scope = getattr(node, "lineno", 0), self._syntax.scope(node)
        return any(
            moved.lineno < line and path_of(moved.func.value) == path
            for moved in self._moves
            if self._syntax.scope(moved) is scope and isinstance(moved.func, ast.Attribute)
        )

    @cached_property
    def _moves(self) -> list[ast.Call]:
        """The copies to a device whose result nobody takes."""
        calls = (c for c in self._syntax.calls_to("to", "cuda") if not _stays(c))
        return [call for call in calls if isinstance(self._syntax.parent(call), ast.Expr)]

    def _as_summand(self, node: ast.AST, path: Path, found: list[Binding], value: Value) -> Value:
        """Take what a loss adds up for what it must be: tensors, by value or by name."""
        named = LOSS_NAME.search(path[-1]) or value.kind is Kind.NEST
        if not named or value.confidence is Confidence.POSSIBLE:
            return value
        if self._feeding.is_summed(node, path):
            called = all(isinstance(b.source, ast.Call) for b in found)
            return LOSS if called or value.kind is Kind.NEST else value
        if LOSS_NAME.search(path[-1]) and self._feeding.is_summed(node, (*path, EACH)):
            return group([(None, LOSS)])
        return value

    def _is_backward_receiver(self, node: ast.AST, path: Path, found: list[Binding]) -> bool:
        receivers = self._feeding.receivers(node, path)
        if not found:
            return bool(receivers)
        key = self._feeding.home(node, path), path
        if key not in self._sites:
            self._sites[key] = self._by_site(receivers, path)
        mine = {binding.site for binding in found}
        return any(mine <= sites for sites in self._sites[key].get(found[0].site, ()))

    def _by_site(self, receivers: list[ast.expr], path: Path) -> dict[ast.AST, list[set[ast.AST]]]:
        """Return for each site that binds a path the sites of the backward passes it reaches."""
        found: dict[ast.AST, list[set[ast.AST]]] = {}
        for receiver in receivers:
            sites = {binding.site for binding in self._bindings.reaching(receiver, path)}
            for site in sites:
                found.setdefault(site, []).append(sites)
        return found


def _stays(call: ast.Call) -> bool:
    """Whether this moves to the CPU, or only changes a type: `x.to("cpu")`, `x.to(torch.half)`."""
    match call.args:
        case [ast.Constant(value=str() as text)] | [ast.Call(args=[ast.Constant(value=text)])]:
            return str(text).startswith("cpu")
        case [ast.Attribute(attr=attr)]:
            return attr == "dtype" or f"torch.{attr}" in DTYPES
    return not call.args and not call.keywords and called_name(call) == "to"
