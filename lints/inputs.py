"""What loops hand out, and what functions are passed."""

import ast
from typing import Protocol

from .loaders import Loaders
from .names import Names, canonical
from .regions import Regions
from .syntax import Function, Syntax, keyword
from .values import MODULE, PLAIN, UNKNOWN, Device, Kind, Value, join

_PARAMETER = Value(Kind.TENSOR, Device.ACCELERATOR)


class Valuer(Protocol):
    """Whoever can say what an expression holds."""

    def value(self, node: ast.AST) -> Value:
        """Return what an expression holds."""


class Inputs:
    """Answers for loop targets and parameters; asks `values` about what they come from."""

    def __init__(
        self, values: Valuer, syntax: Syntax, names: Names, regions: Regions, loaders: Loaders
    ) -> None:
        self._values = values
        self._syntax = syntax
        self._names = names
        self._regions = regions
        self._loaders = loaders

    def item(self, source: ast.AST, site: ast.AST, at: tuple[int | None, ...]) -> Value:
        """Return what a loop over `source` binds at a place of its target."""
        match source:
            case ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_]):
                if at[:1] == (0,):
                    return PLAIN
                return self.item(inner, site, at[1:])
            case ast.Call(func=ast.Name(id="zip"), args=args) if at and at[0] is not None:
                return self.item(args[at[0]], site, at[1:]) if at[0] < len(args) else UNKNOWN
            case ast.Call(func=ast.Name(id="range")):
                return PLAIN
            case ast.Call(func=ast.Attribute(attr="named_parameters")):
                return _PARAMETER if at[:1] == (1,) else PLAIN
            case ast.Call(func=ast.Attribute(attr="parameters")):
                return _PARAMETER
            case ast.List(elts=elements) | ast.Tuple(elts=elements) if not at:
                return join([self._values.value(element) for element in elements])
        unwrapped = self._loaders.looped_over(source)
        if unwrapped is not source:
            return self.item(unwrapped, site, at)
        value = self._values.value(source)
        supply = self._loaders.supply(source)
        if supply.loaders and supply.complete and not supply.prepared:
            pinned = self._loaders.supplied_pinned(source)
            loader = min(supply.loaders, key=lambda made: made.lineno)
            return Value(Kind.NEST, Device.HOST, batch=True, pinned=pinned, loader=loader)
        if value.kind in (Kind.TENSOR, Kind.NEST):
            return value
        if value.kind is Kind.PARAMETERS:
            return _PARAMETER
        if value.kind is Kind.UNKNOWN and self._regions.is_step_loop(site):
            # Most likely a loader from elsewhere: its batches lie on the host until they are moved.
            return Value(Kind.NEST, Device.HOST, batch=True)
        return UNKNOWN

    def parameter(self, function: ast.AST, arg: ast.arg) -> Value:
        """Return what a parameter holds: by its hook, its annotation, or the calls in this file."""
        if not isinstance(function, Function):
            return UNKNOWN
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        if base := self._regions.hook(function):
            return self._of_hook(base, function.name, arg.arg, names)
        if arg.annotation is not None:
            return self._annotated(function, arg.annotation)
        callers = self._names.callers(function)
        values = [self._passed(call, arg.arg, names) for call in callers]
        return join(values) if values else UNKNOWN

    def _of_hook(self, base: str, hook: str, arg: str, names: list[str]) -> Value:
        if arg == "model":
            return MODULE
        moved = Value(Kind.NEST, Device.ACCELERATOR, batch=False)
        if base == "transformers.Trainer" or base == "transformers.Seq2SeqTrainer":
            return moved if arg == "inputs" else UNKNOWN
        if hook == "training_step" and arg in names[1:]:
            return moved if names.index(arg) == 1 else PLAIN
        return moved if arg in ("batch", "outputs") else UNKNOWN

    def _annotated(self, function: Function, annotation: ast.expr) -> Value:
        text = annotation.value if isinstance(annotation, ast.Constant) else None
        name = self._names.of(annotation) or (canonical(text) if isinstance(text, str) else None)
        if name in ("torch.Tensor", "torch.FloatTensor", "torch.LongTensor"):
            home = self._syntax.class_of(function)
            inside = (
                function.name == "forward" and home is not None and self._regions.is_module(home)
            )
            return Value(Kind.TENSOR, Device.ACCELERATOR if inside else Device.UNKNOWN)
        if name in ("torch.nn.Module",):
            return MODULE
        if isinstance(annotation, ast.Name) and annotation.id in ("int", "float", "bool", "str"):
            return PLAIN
        return UNKNOWN

    def _passed(self, call: ast.Call, name: str, names: list[str]) -> Value:
        if given := keyword(call, name):
            return self._values.value(given)
        where = names.index(name) if name in names else -1
        if names[:1] in (["self"], ["cls"]) and isinstance(call.func, ast.Attribute):
            where -= 1
        if any(isinstance(arg, ast.Starred) for arg in call.args) or where < 0:
            return UNKNOWN
        return self._values.value(call.args[where]) if where < len(call.args) else PLAIN
