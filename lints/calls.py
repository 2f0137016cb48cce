"""What calls give back: of torch, of builtins, of this file's functions, of modules."""

import ast

from .inputs import Valuer
from .loaders import Loaders
from .names import Names
from .regions import MODULES, Regions
from .syntax import OWN_TIME, Function, Syntax, keyword, walk, within
from .values import LOSS, MODULE, OUTPUT, PLAIN, UNKNOWN, Device, Kind, Value, combine, join
from .vocabulary import (
    ARG_REDUCTIONS,
    CRITERION,
    DTYPES,
    FACTORIES,
    OPERATIONS,
    PLAIN_CALLS,
    PLAIN_METHODS,
    PLAIN_PACKAGES,
    PLAIN_TORCH,
    TENSOR_METHODS,
    TUPLES,
    VIEWS,
    WITHOUT_GRAD,
    WRAPS_MODULE,
    is_module_name,
)


class Calls:
    """Answers for calls; asks `values` about receivers and arguments."""

    def __init__(
        self, values: Valuer, syntax: Syntax, names: Names, regions: Regions, loaders: Loaders
    ) -> None:
        self._values = values
        self._syntax = syntax
        self._names = names
        self._regions = regions
        self._loaders = loaders

    def value(self, call: ast.Call) -> Value:
        """Return what a call gives back."""
        if self._loaders.is_loader(call):
            return Value(Kind.LOADER, pinned=self._loaders.pinned(call), loader=call)
        if name := self._names.of(call.func):
            value = self._of_library(call, name)
            return value if value is not UNKNOWN else self._of_project(call, name)
        if builtin := self._names.builtin(call.func):
            return self._of_builtin(call, builtin)
        defined = self._names.definition(call.func)
        if isinstance(defined, ast.ClassDef):
            return MODULE if self._regions.is_module(defined) else UNKNOWN
        if defined is not None:
            return self._of_function(call, defined)
        if not isinstance(call.func, ast.Attribute):
            return self._of_module_call(call)
        value = self._of_method(call, call.func)
        return value if value is not UNKNOWN else self._of_module_call(call)

    def unpacked(self, call: ast.Call, at: tuple[int | None, ...]) -> Value:
        """Return one part of a call's result: of the tuple that a local function returns, too."""
        defined = self._names.definition(call.func)
        if isinstance(defined, Function) and at[0] is not None:
            parts = []
            for returned in _returns(defined):
                if not isinstance(returned, ast.Tuple) or at[0] >= len(returned.elts):
                    return UNKNOWN
                parts.append(self._values.value(returned.elts[at[0]]))
            return join(parts)
        if _name(call.func) == "next" and self._names.builtin(call.func):
            return UNKNOWN
        value = self._values.value(call)
        return value if value.kind in (Kind.TENSOR, Kind.NEST) else UNKNOWN

    def given_back(self, function: Function, at: tuple[int | None, ...]) -> Value:
        """Return what a function of this file gives back, or one part of its tuple."""
        if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in walk(function)):
            return UNKNOWN
        returned = _returns(function)
        if at and at[0] is not None:
            tuples = [value.elts for value in returned if isinstance(value, ast.Tuple)]
            if len(tuples) != len(returned) or any(at[0] >= len(parts) for parts in tuples):
                return UNKNOWN
            returned = [parts[at[0]] for parts in tuples]
        elif any(isinstance(value, ast.Tuple) for value in returned):
            return UNKNOWN
        return join([self._values.value(value) for value in returned]) if returned else PLAIN

    def _of_project(self, call: ast.Call, name: str) -> Value:
        """Ask the file that defines a function or class which this one imports."""
        outside = self._names.outside
        if outside.bases(name) & MODULES:
            return MODULE
        value = outside.returned(name)
        return value if value is not UNKNOWN else self._of_module_call(call)

    def _of_library(self, call: ast.Call, name: str) -> Value:
        if name.startswith(PLAIN_PACKAGES) or PLAIN_TORCH.match(name):
            return PLAIN
        if name in WRAPS_MODULE:
            return MODULE
        head, _, last = name.rpartition(".")
        if head == "torch" and (last in FACTORIES or last.endswith("Tensor")):
            return self._made(call)
        if head == "torch.cuda" and last.endswith("Tensor"):
            return Value(Kind.TENSOR, Device.ACCELERATOR)
        if head in ("torch", "torch.linalg", "torch.special", "torch.nn.functional"):
            known = head != "torch" or last in OPERATIONS | TUPLES | ARG_REDUCTIONS
            return self._computed(call, last) if known else UNKNOWN
        if name.startswith("torch.nn.utils.clip_grad_norm"):
            return Value(Kind.TENSOR, Device.ACCELERATOR)
        if head == "torch.nn" and last[:1].isupper() and last not in ("Parameter", "Buffer"):
            return MODULE
        return UNKNOWN

    def _of_builtin(self, call: ast.Call, name: str) -> Value:
        if name in PLAIN_CALLS:
            return PLAIN
        if name in ("sum", "max", "min", "abs"):
            parts = list(call.args)
            if len(parts) == 1 and isinstance(parts[0], ast.List | ast.Tuple):
                parts = list(parts[0].elts)
            elif len(parts) == 1 and isinstance(parts[0], ast.GeneratorExp | ast.ListComp):
                parts = [parts[0].elt]
            values = [self._values.value(part) for part in parts]
            if any(value.is_tensor for value in values):
                return combine(values)
            return PLAIN if all(value.kind is Kind.PLAIN for value in values) else UNKNOWN
        return UNKNOWN

    def _of_function(self, call: ast.Call, function: Function) -> Value:
        if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function)):
            return UNKNOWN
        returned = _returns(function)
        if function.name == "forward":
            return OUTPUT
        if any(isinstance(value, ast.Tuple) for value in returned):
            return UNKNOWN
        return join([self._values.value(value) for value in returned]) if returned else PLAIN

    def _of_method(self, call: ast.Call, func: ast.Attribute) -> Value:
        owner = self._values.value(func.value)
        name = func.attr
        if owner.kind is Kind.MODULE:
            if name in (
                "to",
                "cuda",
                "cpu",
                "train",
                "eval",
                "half",
                "float",
                "bfloat16",
                "requires_grad_",
            ):
                return owner
            if name == "parameters":
                return Value(Kind.PARAMETERS)
            return OUTPUT if name == "forward" else UNKNOWN
        if owner.kind is Kind.NEST and name in TENSOR_METHODS | PLAIN_METHODS | {"cpu"}:
            owner = owner.but(kind=Kind.TENSOR)
        if name in ("cpu", "to", "cuda") and owner.kind in (Kind.TENSOR, Kind.NEST):
            return self._moved(call, owner, name)
        if owner.kind is Kind.NEST and name in ("items", "values", "get", "pop"):
            return owner
        if owner.kind is not Kind.TENSOR:
            return UNKNOWN
        if name in PLAIN_METHODS:
            return PLAIN
        if name.startswith("detach"):
            return owner.but(grad=False)
        others = [self._values.value(arg) for arg in call.args]
        kind = Kind.NEST if name in TUPLES and (call.args or call.keywords) else Kind.TENSOR
        value = combine([owner, *others], grad=name not in WITHOUT_GRAD)
        # What an operation makes anew lies in pageable memory, whatever it was made of.
        pinned = owner.pinned if name in VIEWS or not owner.pinned else None
        return value.but(kind=kind, device=owner.device, batch=owner.batch, pinned=pinned)

    def _of_module_call(self, call: ast.Call) -> Value:
        if self._values.value(call.func).kind is Kind.MODULE:
            built = self._built_from(call.func)
            return LOSS if built.endswith("Loss") else self._from(call, OUTPUT)
        if self._values.value(call.func).kind is not Kind.UNKNOWN:
            return UNKNOWN
        name = _name(call.func)
        if CRITERION.match(name):
            return self._from(call, OUTPUT)
        if name == "self" and (home := self._names.own_class(call)):
            return self._from(call, OUTPUT) if self._regions.is_module(home) else UNKNOWN
        return self._from(call, OUTPUT) if is_module_name(name) else UNKNOWN

    def _from(self, call: ast.Call, value: Value) -> Value:
        """A module's output; without a graph where autograd is off."""
        return value.but(grad=False) if self._regions.without_grad(call) else value

    def _built_from(self, func: ast.AST) -> str:
        """Return the class behind `criterion`, where one assignment says it."""
        text = ast.unparse(func)
        for call in self._syntax.calls:
            parent = self._syntax.parent(call)
            if isinstance(parent, ast.Assign) and text in map(ast.unparse, parent.targets):
                return self._names.of(call.func) or ""
        return self._names.of(func.func) or "" if isinstance(func, ast.Call) else ""

    def _moved(self, call: ast.Call, owner: Value, name: str) -> Value:
        if name == "cpu":
            return owner.but(device=Device.HOST, batch=False)
        if name == "cuda":
            return owner.but(device=Device.ACCELERATOR, batch=False)
        target = keyword(call, "device") or next(iter(call.args), None)
        if target is None or self._is_dtype(target):
            return owner
        device = _device_named(self, target)
        return owner.but(device=device, batch=False)

    def _is_dtype(self, node: ast.expr) -> bool:
        if self._names.of(node) in DTYPES:
            return True
        return isinstance(node, ast.Attribute) and node.attr == "dtype"

    def _made(self, call: ast.Call) -> Value:
        given = keyword(call, "device")
        if given is None:
            # Without `device` a factory makes its tensor on the host.
            return Value(Kind.TENSOR, Device.HOST)
        return Value(Kind.TENSOR, _device_named(self, given))

    def _computed(self, call: ast.Call, name: str) -> Value:
        parts: list[ast.expr] = []
        for arg in call.args:
            listed = isinstance(arg, ast.List | ast.Tuple)
            parts += arg.elts if listed else [arg]  # type: ignore[attr-defined]
        value = combine([self._values.value(part) for part in parts], grad=name not in WITHOUT_GRAD)
        if given := keyword(call, "device"):
            value = value.but(device=_device_named(self, given))
        tuple_like = name in TUPLES and len(call.args) + len(call.keywords) > 1
        return value.but(kind=Kind.NEST) if tuple_like and name not in ("max", "min") else value


def _device_named(calls: Calls, node: ast.expr) -> Device:
    """Read a device: a literal "cpu" is the host, another literal or a name is not."""
    match node:
        case ast.Constant(value=str() as text):
            return Device.HOST if text.startswith("cpu") else Device.ACCELERATOR
        case ast.Call(args=[ast.Constant(value=str() as text), *_]):
            return Device.HOST if text.startswith("cpu") else Device.ACCELERATOR
        case ast.Attribute(attr="device", value=owner):
            if calls._values.value(owner).device is Device.HOST:
                return Device.HOST
    return Device.ACCELERATOR


def _returns(function: Function) -> list[ast.expr]:
    return [
        node.value
        for statement in function.body
        if not isinstance(statement, OWN_TIME)
        for node in within(statement)
        if isinstance(node, ast.Return) and node.value is not None
    ]


def _name(node: ast.AST) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case ast.Subscript(value=value):
            return _name(value)
    return ""
