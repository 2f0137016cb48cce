"""What method calls give back: of tensors, of modules, and of what was made out of tensors."""

import ast

from .devices import Devices
from .inputs import Valuer
from .values import (
    DERIVED,
    OUTPUT,
    PLAIN,
    UNKNOWN,
    Device,
    Kind,
    Value,
    combine,
    group,
)
from .vocabulary import (
    ALWAYS_PLAIN_METHODS,
    MODULE_PARTS,
    MODULE_UPKEEP,
    PLAIN_METHODS,
    PROVES_TENSOR,
    TENSOR_METHODS,
    TO_HOST,
    TUPLES,
    VIEWS,
    WITHOUT_GRAD,
)

_MOVES = ("cpu", "to", "cuda")
_ACCESS = ("items", "values", "get", "pop")


class Methods:
    """Answers for `x.f(...)`; asks `values` about `x` and the arguments."""

    def __init__(self, values: Valuer, devices: Devices) -> None:
        self._values = values
        self._devices = devices

    def value(self, call: ast.Call, func: ast.Attribute) -> Value:
        """Return what a method gives back, where its owner is known or its name says enough."""
        owner, name = self._values.value(func.value), func.attr
        if name in ALWAYS_PLAIN_METHODS:
            return PLAIN
        if name == "clip_grad_norm_":
            return Value(Kind.TENSOR, Device.ACCELERATOR)
        if owner.kind is Kind.MODULE:
            return self._of_module(owner, name)
        if owner.kind is Kind.GROUP:
            return self._of_group(call, owner, name)
        if owner.kind is Kind.NEST and name in _ACCESS:
            return owner
        methods = TENSOR_METHODS | PLAIN_METHODS | PROVES_TENSOR
        if owner.is_derived and name in methods:
            owner = Value(Kind.TENSOR, Device.ACCELERATOR)
        elif owner.kind is Kind.NEST and name in methods | {"cpu"}:
            owner = owner.but(kind=Kind.TENSOR)
        elif owner.kind is Kind.UNKNOWN and name in PROVES_TENSOR:
            owner = Value(Kind.TENSOR, owner.device)
        if name in _MOVES and owner.kind in (Kind.TENSOR, Kind.NEST):
            return self._devices.moved(call, owner, name)
        if name == "type_as" and call.args and owner.kind is Kind.TENSOR:
            given = self._values.value(call.args[0]).device
            return owner.but(device=given if given is not Device.UNKNOWN else owner.device)
        if owner.kind is Kind.NEST and owner.on_device and not TO_HOST.search(name):
            return DERIVED  # as the samples of a distribution that a policy gives
        return self._of_tensor(call, owner, name) if owner.kind is Kind.TENSOR else UNKNOWN

    def of_function(self, call: ast.Call, func: ast.Attribute) -> Value:
        """Return what `AllReduce.apply(x)` gives, a function of autograd by custom: a tensor."""
        named = func.value.attr if isinstance(func.value, ast.Attribute) else None
        named = func.value.id if isinstance(func.value, ast.Name) else named
        if func.attr != "apply" or not (named or "").lstrip("_")[:1].isupper() or not call.args:
            return UNKNOWN
        first = self._values.value(call.args[0])
        return first if first.is_device_tensor else UNKNOWN

    def of_unknown(self, call: ast.Call, func: ast.Attribute) -> Value:
        """Return what a method gives back of which only the name is known."""
        owner = self._values.value(func.value)
        if owner.kind is not Kind.UNKNOWN:
            return UNKNOWN
        if func.attr in _MOVES:
            if func.attr == "cpu":
                return Value(Kind.NEST, Device.HOST)
            moved = self._devices.moved(call, owner, func.attr)
            return moved if moved.is_derived else UNKNOWN
        keeps = func.attr in _ACCESS or not TO_HOST.search(func.attr)
        return owner if owner.is_derived and keeps else UNKNOWN

    def _of_module(self, owner: Value, name: str) -> Value:
        if name in MODULE_UPKEEP:
            return owner
        if name == "parameters":
            return Value(Kind.PARAMETERS)
        if name == "forward":
            return OUTPUT
        # `model.generate(x)`, `vae.encode(x)`: computed by the module, in whatever form.
        return UNKNOWN if name in MODULE_PARTS else DERIVED

    def _of_group(self, call: ast.Call, owner: Value, name: str) -> Value:
        match name:
            case "values" | "copy":
                return owner
            case "items":
                return group([(None, group([(0, PLAIN), (1, owner.held())]))])
            case "get" | "pop" if call.args or name == "pop":
                match call.args:
                    case [ast.Constant(value=str() | int() as key), *_]:
                        return owner.held(key)
                return owner.held()
        return UNKNOWN

    def _of_tensor(self, call: ast.Call, owner: Value, name: str) -> Value:
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
