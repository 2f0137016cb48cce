"""Which device a call moves a tensor to, or makes it on."""

import ast

from .inputs import Valuer
from .names import Names
from .nodes import Function, default_of, keyword
from .supplies import passed
from .syntax import Syntax
from .values import UNKNOWN, Device, Kind, Value
from .vocabulary import DTYPES


class Devices:
    """Reads `"cpu"`, `torch.device("cuda")`, `args.device` and `x.device`."""

    def __init__(self, values: Valuer, syntax: Syntax, names: Names) -> None:
        self._values = values
        self._syntax = syntax
        self._names = names

    def made_on(self, call: ast.Call) -> Device:
        """Return where a factory makes its tensor: on the host without `device`."""
        given = keyword(call, "device")
        if given is None and call.args and (made := self._values.value(call.args[0])).is_tensor:
            return made.device  # `torch.tensor(x)` copies a tensor where it lies
        absent = given is None or (isinstance(given, ast.Constant) and given.value is None)
        return Device.HOST if given is None or absent else self.named(given)

    def moved(self, call: ast.Call, owner: Value, method: str) -> Value:
        """Return what `.cpu()`, `.cuda()` and `.to(...)` make of a value."""
        if method == "cpu":
            return owner.but(device=Device.HOST, batch=False)
        if method == "cuda":
            return owner.but(device=Device.ACCELERATOR, batch=False)
        target = keyword(call, "device") or next(iter(call.args), None)
        if target is None or self._is_dtype(target):
            return owner
        return owner.but(device=self.named(target), batch=False)

    def named(self, node: ast.expr, depth: int = 3) -> Device:
        """Read a device: a literal "cpu" is the host, another literal or a name is not."""
        match node:
            case ast.Constant(value=str() as text):
                return Device.HOST if text.startswith("cpu") else Device.ACCELERATOR
            case ast.Call(args=[ast.Constant(value=str() as text), *_]):
                return Device.HOST if text.startswith("cpu") else Device.ACCELERATOR
            case ast.Attribute(attr="device", value=owner):
                value = self._values.value(owner)
                if value.device is Device.HOST:
                    return Device.HOST
                # What all callers compute and pass was looked at, and may lie anywhere.
                # In a class it lies where the rest of the object does.
                alone = self._names.own_class(node) is None
                given = self._given(owner) if alone and isinstance(owner, ast.Name) else []
                if value == UNKNOWN and given and not any(map(self._is_parameter, given)):
                    return Device.UNKNOWN
            case ast.Name() if depth and (source := self._source(node)) is not None:
                return self.named(source, depth - 1)
            case ast.Name() if depth and (given := self._given(node)):
                found = {self.named(each, depth - 1) for each in given}
                return Device.HOST if found == {Device.HOST} else Device.ACCELERATOR
        value = self._values.value(node)
        if value.kind is Kind.TENSOR:
            return value.device  # `x.to(y)` goes where `y` is
        return Device.ACCELERATOR

    def _source(self, node: ast.Name) -> ast.expr | None:
        """Return what a name is bound to, where one assignment binds it."""
        bound = self._names.stores(node)
        holder = self._syntax.parent(bound[0]) if len(bound) == 1 else None
        return holder.value if isinstance(holder, ast.Assign) else None

    def _given(self, node: ast.Name) -> list[ast.expr]:
        """Return what all calls of this file pass as a parameter, defaults included."""
        bound = self._names.stores(node)
        function = bound[0] if len(bound) == 1 else None
        if not isinstance(function, Function):
            return []
        calls = self._names.callers(function)
        given = [passed(call, function, node.id) or default_of(function, node.id) for call in calls]
        return [each for each in given if each is not None] if None not in given else []

    def _is_parameter(self, node: ast.expr) -> bool:
        """Whether this only hands on what was passed."""
        return isinstance(node, ast.Name) and any(
            isinstance(each, Function) for each in self._names.stores(node)
        )

    def _is_dtype(self, node: ast.expr) -> bool:
        if self._names.of(node) in DTYPES:
            return True
        return isinstance(node, ast.Attribute) and node.attr == "dtype"
