"""What an expression can hold: a tensor and where it lies, a module, a loader, or none of these."""

import ast
from dataclasses import dataclass, replace
from enum import Enum

from .finding import Confidence


class Kind(Enum):
    """What sort of thing a value is."""

    TENSOR = "tensor"
    NEST = "nest"  # a tensor, or tuples and mappings of tensors: a batch, a model's output
    MODULE = "module"
    PARAMETERS = "parameters"  # what `model.parameters()` yields
    LOADER = "loader"
    PLAIN = "plain"  # known to be no tensor
    UNKNOWN = "unknown"


class Device(Enum):
    """Where a tensor lies."""

    ACCELERATOR = "accelerator"
    HOST = "host"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of an expression.

    `grad` says that it carries an autograd graph, `batch` that it comes out of a loader, and
    `pinned` whether that loader pins its memory (None where that cannot be read).
    """

    kind: Kind = Kind.UNKNOWN
    device: Device = Device.UNKNOWN
    confidence: Confidence = Confidence.LIKELY
    grad: bool = False
    batch: bool = False
    pinned: bool | None = None
    loader: ast.AST | None = None

    @property
    def is_tensor(self) -> bool:
        """Whether this is one tensor, with more than its name to say so."""
        return self.kind is Kind.TENSOR and self.confidence is not Confidence.POSSIBLE

    @property
    def on_device(self) -> bool:
        """Whether reading it makes the host wait: tensors on the accelerator, or nests of them."""
        return self.kind in (Kind.TENSOR, Kind.NEST) and self.device is Device.ACCELERATOR

    def but(self, **changes: object) -> "Value":
        """Return a copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


UNKNOWN = Value()
PLAIN = Value(Kind.PLAIN)
MODULE = Value(Kind.MODULE)
OUTPUT = Value(Kind.NEST, Device.ACCELERATOR, grad=True)
LOSS = Value(Kind.TENSOR, Device.ACCELERATOR, grad=True)


def join(values: list[Value]) -> Value:
    """Return what is known of a value that can be any of these."""
    different = list(dict.fromkeys(values))
    if not different:
        return UNKNOWN
    if len(different) == 1:
        return different[0]
    kinds = {value.kind for value in different}
    tensors = [value for value in different if value.kind in (Kind.TENSOR, Kind.NEST)]
    if kinds <= {Kind.TENSOR, Kind.NEST}:
        return _blend(tensors)
    if kinds <= {Kind.TENSOR, Kind.NEST, Kind.PLAIN}:
        # `total = 0` before the loop and a tensor in it: what only tensors can do still tells.
        return _blend(tensors).but(confidence=Confidence.POSSIBLE)
    return Value(kinds.pop()) if len(kinds) == 1 else UNKNOWN


def combine(values: list[Value], *, grad: bool = True) -> Value:
    """Return what an operation on these gives, at least one of which is a tensor."""
    tensors = [v for v in values if v.kind in (Kind.TENSOR, Kind.NEST)]
    if not tensors:
        return Value(Kind.TENSOR)
    blended = _blend(tensors, any_unknown=any(v.kind is Kind.UNKNOWN for v in values))
    return Value(
        Kind.TENSOR,
        blended.device,
        blended.confidence,
        grad=grad and any(value.grad for value in tensors),
    )


def _blend(tensors: list[Value], *, any_unknown: bool = False) -> Value:
    devices = {value.device for value in tensors}
    if Device.ACCELERATOR in devices:
        # Operands share a device, apart from numbers in tensors on the host.
        device = Device.ACCELERATOR
    else:
        device = Device.UNKNOWN if any_unknown else min(devices, key=lambda d: d.value != "unknown")
    order = list(Confidence)
    return Value(
        Kind.TENSOR if all(value.kind is Kind.TENSOR for value in tensors) else Kind.NEST,
        device,
        min((value.confidence for value in tensors), key=order.index),
        grad=any(value.grad for value in tensors),
        batch=all(value.batch for value in tensors),
        pinned=tensors[0].pinned if len({v.pinned for v in tensors}) == 1 else None,
    )
