"""What an expression can hold: a tensor and where it lies, a module, a loader, or none of these."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from .finding import Confidence

# Containers that nest deeper than this, or name more places, are taken as a whole.
_DEEPEST = 3
_MOST_PARTS = 24


class Kind(Enum):
    """What sort of thing a value is."""

    TENSOR = "tensor"
    NEST = "nest"  # a tensor, or tuples and mappings of tensors: a batch, a model's output
    GROUP = "group"  # a list, tuple or mapping that this file puts together; see `parts`
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
    `pinned` whether that loader pins its memory (None where that cannot be read). `parts` are what
    a group holds, by key or place; the key None stands for any. An unknown value on the accelerator
    is what somebody else's code made out of tensors that lie there.
    """

    kind: Kind = Kind.UNKNOWN
    device: Device = Device.UNKNOWN
    confidence: Confidence = Confidence.LIKELY
    grad: bool = False
    batch: bool = False
    pinned: bool | None = None
    loader: ast.AST | None = None
    parts: tuple[tuple[str | int | None, Value], ...] = ()

    @property
    def is_tensor(self) -> bool:
        """Whether this is one tensor, with more than its name to say so."""
        return self.kind is Kind.TENSOR and self.confidence is not Confidence.POSSIBLE

    @property
    def on_device(self) -> bool:
        """Whether reading it makes the host wait: tensors on the accelerator, or nests of them."""
        return self.kind in (Kind.TENSOR, Kind.NEST) and self.device is Device.ACCELERATOR

    @property
    def is_device_tensor(self) -> bool:
        """Whether this is one tensor on the accelerator, with more than its name to say so."""
        return self.is_tensor and self.on_device

    @property
    def as_tensor(self) -> Value:
        """What this is to an operation that only tensors have: of a nest, one of its tensors."""
        return self.but(kind=Kind.TENSOR, parts=()) if self.kind is Kind.NEST else self

    @property
    def is_derived(self) -> bool:
        """Whether it was made, in a way that cannot be read, out of tensors on the accelerator."""
        return self.kind is Kind.UNKNOWN and self.device is Device.ACCELERATOR

    @property
    def shows_device_tensor(self) -> bool:
        """Whether turning it into text reads a tensor on the accelerator."""
        if self.kind is Kind.GROUP:
            return any(part.shows_device_tensor for _, part in self.parts)
        return self.is_device_tensor

    @property
    def holds_device_tensors(self) -> bool:
        """Whether it is a tensor on the accelerator, was made of such, or contains any."""
        if self.kind is Kind.GROUP:
            return any(part.holds_device_tensors for _, part in self.parts)
        return self.on_device or self.is_derived

    @property
    def lies_somewhere(self) -> bool:
        """Whether it is a tensor, or holds one, of which nobody can tell where it lies."""
        if self.kind is Kind.GROUP:
            return any(part.lies_somewhere for _, part in self.parts)
        return self.kind in (Kind.TENSOR, Kind.NEST) and self.device is Device.UNKNOWN

    def there(self, device: Device, *, certain: bool = False) -> Value:
        """Return this with the tensors that lie somewhere on a device; `certain`: they are some."""
        if self.kind is Kind.GROUP:
            parts = ((key, part.there(device, certain=certain)) for key, part in self.parts)
            return self.but(parts=tuple(parts))
        if not self.lies_somewhere:
            return self
        return self.but(device=device, confidence=Confidence.LIKELY if certain else self.confidence)

    def held(self, key: str | int | None = None) -> Value:
        """Return what a group holds under a key; without one, what any of its elements can be."""
        found = [part for name, part in self.parts if key is None or name in (None, key)]
        joined = join(found)
        if joined == UNKNOWN and any(part.on_device for part in found):
            return DERIVED  # one of many, some of which are tensors on the device
        return joined

    def but(self, **changes: object) -> Value:
        """Return a copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


UNKNOWN = Value()
PLAIN = Value(Kind.PLAIN)
# What is only there until something is: where a value can be None or a tensor, reading it waits.
NONE = Value(Kind.PLAIN, confidence=Confidence.POSSIBLE)
MODULE = Value(Kind.MODULE)
OUTPUT = Value(Kind.NEST, Device.ACCELERATOR, grad=True)
LOSS = Value(Kind.TENSOR, Device.ACCELERATOR, grad=True)
DERIVED = Value(Kind.UNKNOWN, Device.ACCELERATOR)


def batch_of(loader: ast.AST | None, pinned: bool | None) -> Value:
    """Return what comes out of a loader: tensors on the host, in whatever form."""
    return Value(Kind.NEST, Device.HOST, batch=True, pinned=pinned, loader=loader)


def group(parts: Iterable[tuple[str | int | None, Value]]) -> Value:
    """Return the value of a container; one that holds only plain values is plain itself."""
    held: dict[str | int | None, list[Value]] = {}
    for key, part in parts:
        held.setdefault(key, []).append(part)
    if len(held) > _MOST_PARTS:
        held = {None: [part for found in held.values() for part in found]}
    # Without the loader: what a group holds may be told to other files.
    joined = tuple((key, _shallow(join(found)).but(loader=None)) for key, found in held.items())
    plain = bool(joined) and all(part.kind is Kind.PLAIN for _, part in joined)
    return Value(Kind.PLAIN if plain else Kind.GROUP, parts=joined)


def join(values: list[Value]) -> Value:
    """Return what is known of a value that can be any of these."""
    different = list(dict.fromkeys(values))
    if not different:
        return UNKNOWN
    different = [value for value in different if value != NONE] or different
    if len(different) == 1:
        return different[0]
    kinds = {value.kind for value in different}
    tensors = [value for value in different if value.kind in (Kind.TENSOR, Kind.NEST)]
    if kinds == {Kind.PLAIN}:
        parts = [part for value in different for part in value.parts]
        return group(parts) if parts else PLAIN
    if kinds <= {Kind.TENSOR, Kind.NEST}:
        return _blend(tensors)
    if kinds <= {Kind.TENSOR, Kind.NEST, Kind.PLAIN}:
        # `total = 0` before the loop and a tensor in it: what only tensors can do still tells.
        return _blend(tensors).but(confidence=Confidence.POSSIBLE)
    groups = [value for value in different if value.kind is Kind.GROUP]
    if kinds <= {Kind.GROUP, Kind.PLAIN}:
        return group((key, part) for value in different for key, part in value.parts)
    if kinds <= {Kind.GROUP, Kind.TENSOR, Kind.NEST}:
        one = join([*tensors, *(value.held() for value in groups)])
        return one.but(kind=Kind.NEST) if one.kind in (Kind.TENSOR, Kind.NEST) else UNKNOWN
    if all(value.on_device or value.is_derived for value in different):
        return DERIVED
    return Value(kinds.pop()) if len(kinds) == 1 else UNKNOWN


def combine(values: list[Value], *, grad: bool = True) -> Value:
    """Return what an operation on these gives, at least one of which is a tensor."""
    tensors = [v for v in values if v.kind in (Kind.TENSOR, Kind.NEST)]
    if not tensors:
        # Operands share a device.
        derived = any(value.is_derived for value in values)
        return Value(Kind.TENSOR, Device.ACCELERATOR if derived else Device.UNKNOWN)
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


def _shallow(value: Value, depth: int = _DEEPEST) -> Value:
    """Return a value whose groups nest no deeper than this: sums of lists of lists have an end."""
    if value.kind is not Kind.GROUP:
        return value
    if not depth:
        return UNKNOWN
    return value.but(parts=tuple((key, _shallow(part, depth - 1)) for key, part in value.parts))
