"""What loops hand out, and what functions are passed."""

import ast
import re
from typing import Protocol

from .elsewhere import keys
from .loaders import Loaders
from .names import Names, canonical
from .nodes import Function, default_of, dotted, is_none
from .outside import SPREAD
from .regions import Regions
from .supplies import passed
from .syntax import Syntax
from .values import (
    DERIVED,
    MODULE,
    NONE,
    PLAIN,
    UNKNOWN,
    Device,
    Kind,
    Value,
    batch_of,
    group,
    join,
)

_PARAMETER = Value(Kind.TENSOR, Device.ACCELERATOR)
_TENSORS = {
    *("Tensor", "FloatTensor", "LongTensor", "BoolTensor", "IntTensor", "HalfTensor"),
    *("DoubleTensor", "ByteTensor"),
}
_SWITCH = re.compile(r"(output_(attentions|hidden_states)|return_dict|use_cache)$")
_PLAIN_TYPES = {"int", "float", "bool", "str", "bytes", "ndarray", "Namespace", "Path"}


class Valuer(Protocol):
    """Whoever can say what an expression holds."""

    def value(self, node: ast.AST) -> Value:
        """Return what an expression holds."""


# An annotation that names numbers, too, says of neither.
_NUMBERS = re.compile(r"\b(int|float|bool|str|complex)\b")


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
            case ast.Call(func=ast.Name(id="reversed" | "sorted" | "iter"), args=[inner, *_]):
                return self.item(inner, site, at)
            case ast.Call(func=ast.Attribute(attr="keys"), args=[]):
                return PLAIN
            case ast.Call(func=ast.Attribute(attr="items"), args=[]) if at[:1] == (0,):
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
        if value.kind is Kind.LOADER and not supply.loaders:
            return batch_of(value.loader, value.pinned)
        if supply.loaders and supply.complete and not supply.prepared:
            pinned = self._loaders.supplied_pinned(source)
            loader = min(supply.loaders, key=lambda made: made.lineno)
            return batch_of(loader, pinned)
        if value.kind is Kind.GROUP:
            return self._element(source, value, at)
        if value.kind in (Kind.TENSOR, Kind.NEST) or value.is_derived or value.parts:
            return value.but(parts=())
        if value.kind is Kind.PARAMETERS:
            return _PARAMETER
        if value.kind is Kind.UNKNOWN and self._regions.is_step_loop(site):
            # Most likely a loader from elsewhere: its batches lie on the host until they are moved.
            return Value(Kind.NEST, Device.HOST, batch=True)
        return UNKNOWN

    def _element(self, source: ast.AST, value: Value, at: tuple[int | None, ...]) -> Value:
        """Return what a loop over a group takes out of it; of a mapping, that is its keys."""
        keyed = value.parts and all(isinstance(key, str) for key, _ in value.parts)
        if keyed and not isinstance(source, ast.Call):
            return PLAIN
        element = value.held()
        for number in at:
            if element.kind is Kind.GROUP:
                element = element.held(number)
            elif element.kind not in (Kind.TENSOR, Kind.NEST) and not element.is_derived:
                return PLAIN if element.kind is Kind.PLAIN else UNKNOWN
        return element

    def parameter(self, function: ast.AST, arg: ast.arg) -> Value:
        """Return what a parameter holds: by its hook, its annotation, or the calls in this file."""
        if not isinstance(function, Function):
            return UNKNOWN
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        if arg is function.args.kwarg:
            return self._spread(function, names)
        if base := self._regions.hook(function):
            return self._of_hook(base, function.name, arg.arg, names)
        if _is_switch(function, arg):
            return PLAIN
        if arg.annotation is not None:
            said = self._of_type(arg.annotation)
            if said.lies_somewhere:
                return self._placed(function, arg.arg, names, said)
            if said == UNKNOWN and self._regions.computes(function):
                text = ast.unparse(arg.annotation)
                return DERIVED if "Tensor" in text and not _NUMBERS.search(text) else said
            return said
        callers = self._names.callers(function)
        values = [self._passed(call, function, arg.arg, names) for call in callers]
        values += self._passed_outside(function, arg.arg)
        if not values and self._regions.computes(function):
            # Called by whoever trains the module, mostly with tensors on the device.
            default = default_of(function, arg.arg)
            may_be_tensor = default is None or self._values.value(default) == NONE
            return DERIVED if may_be_tensor and arg.arg not in ("self", "cls") else UNKNOWN
        return join(values) if values else UNKNOWN

    def _of_hook(self, base: str, hook: str, arg: str, names: list[str]) -> Value:
        if arg == "model":
            return MODULE
        moved = Value(Kind.NEST, Device.ACCELERATOR, batch=False)
        if base.startswith(("transformers.", "trl.")) and base.endswith("Trainer"):
            return moved if arg == "inputs" else UNKNOWN
        if base.startswith("speechbrain."):
            return moved if arg in ("batch", "predictions") else UNKNOWN
        if hook == "training_step" and arg in names[1:]:
            return moved if names.index(arg) == 1 else PLAIN
        return moved if arg in ("batch", "outputs") else UNKNOWN

    def _passed_outside(self, function: Function, arg: str) -> list[Value]:
        """Return what another file gives to a parameter, in a call that runs in every step."""
        by = keys(function, arg)
        return [value for key, value in self._given_outside(function) if key in by]

    def _given_outside(self, function: Function) -> tuple[tuple[str | int, Value], ...]:
        call = self._names.outside.called.get(self._syntax.full_name(function))
        return call.passed if call else ()

    def _spread(self, function: Function, names: list[str]) -> Value:
        """Return what `**kwargs` collects from the calls in this file and elsewhere."""
        own = {*names, *(arg.arg for arg in function.args.kwonlyargs)}
        parts: list[tuple[str | int | None, Value]] = []
        given = [
            (k.arg or SPREAD, self._values.value(k.value))
            for call in self._names.callers(function)
            for k in call.keywords
        ]
        for key, value in (*given, *self._given_outside(function)):
            if key == SPREAD:
                parts += value.parts if value.kind is Kind.GROUP else [(None, value)]
            elif isinstance(key, str) and key not in own:
                parts.append((key, value))
        return group(parts) if parts else UNKNOWN

    def _placed(self, function: Function, arg: str, names: list[str], said: Value) -> Value:
        """Return where an annotated tensor lies: in `forward`, or where all callers have it."""
        if self._regions.computes(function):
            return said.there(Device.ACCELERATOR)
        callers = self._names.callers(function)
        given = [self._passed(call, function, arg, names) for call in callers]
        given += self._passed_outside(function, arg)
        held = [value.held() if value.kind is Kind.GROUP else value for value in given]
        devices = {value.device for value in held if value.kind is not Kind.PLAIN}
        return said.there(devices.pop()) if len(devices) == 1 else said

    def _of_type(self, annotation: ast.expr, depth: int = 3) -> Value:
        """Read `Tensor`, `"torch.Tensor"`, `Optional[Tensor]`, `list[Tensor]`, `int`."""
        match annotation:
            case ast.Constant(value=str() as text) if depth:
                try:
                    return self._of_type(ast.parse(text, mode="eval").body, depth - 1)
                except SyntaxError:
                    return UNKNOWN
            case ast.Subscript(value=outer, slice=inner) if depth:
                return self._of_generic(_last(outer), inner, depth - 1)
            case ast.BinOp(op=ast.BitOr(), left=left, right=right) if depth:
                sides = [side for side in (left, right) if not is_none(side)]
                return join([self._of_type(side, depth - 1) for side in sides])
        name = self._names.of(annotation) or canonical(dotted(annotation) or "")
        last = name.rsplit(".", 1)[-1]
        if last in _TENSORS and (name == last or name.startswith("torch")):
            return Value(Kind.TENSOR)
        if name == "torch.nn.Module":
            return MODULE
        return PLAIN if last in _PLAIN_TYPES else UNKNOWN

    def _of_generic(self, outer: str, inner: ast.expr, depth: int) -> Value:
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        match outer:
            case "Optional":
                return self._of_type(inner, depth)
            case "Union":
                return join([self._of_type(part, depth) for part in parts if not is_none(part)])
            case "List" | "list" | "Sequence" | "Iterable" | "Set" | "set":
                return group([(None, self._of_type(inner, depth))])
            case "Dict" | "dict" | "Mapping" | "MutableMapping" | "OrderedDict":
                return group([(None, self._of_type(parts[-1], depth))])
            case "Tuple" | "tuple":
                return group([(None, join([self._of_type(part, depth) for part in parts[:8]]))])
            case "Float" | "Int" | "Bool" | "Shaped" | "Num" | "Integer":
                return self._of_type(parts[0], depth)  # jaxtyping: Float[Tensor, "batch 3"]
        return UNKNOWN

    def _passed(self, call: ast.Call, function: Function, name: str, names: list[str]) -> Value:
        given = passed(call, function, name)
        if given is not None:
            return self._values.value(given)
        spread = any(isinstance(arg, ast.Starred) for arg in call.args)
        if spread or any(k.arg is None for k in call.keywords) or name not in names:
            return UNKNOWN
        default = default_of(function, name)
        return self._values.value(default) if default is not None else UNKNOWN


def _is_switch(function: Function, arg: ast.arg) -> bool:
    """Whether a parameter is a flag, whatever its annotation claims: by its name, or default."""
    if _SWITCH.match(arg.arg):
        return True
    given = [*function.args.posonlyargs, *function.args.args]
    defaults = dict(zip(reversed(given), reversed(function.args.defaults), strict=False))
    named = dict(zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True))
    default = defaults.get(arg) or named.get(arg)
    return isinstance(default, ast.Constant) and isinstance(default.value, bool)


def _last(node: ast.expr) -> str:
    return (dotted(node) or "").rsplit(".", 1)[-1]
