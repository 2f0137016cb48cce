"""What attributes and elements of a value are."""

import ast

from .containers import key_of
from .values import MODULE, PLAIN, UNKNOWN, Device, Kind, Value
from .vocabulary import ALWAYS_PLAIN_ATTRIBUTES, PLAIN_ATTRIBUTES, SAME_ATTRIBUTES

# What comes out of these by unpacking, or by an index, is of the same kind.
UNPACKED = (Kind.TENSOR, Kind.NEST, Kind.PLAIN)


def attribute_of(owner: Value, attr: str) -> Value:
    """Return what `owner.attr` holds."""
    if attr in ALWAYS_PLAIN_ATTRIBUTES or attr.endswith("_scale"):
        return PLAIN
    tensors = owner.kind in (Kind.TENSOR, Kind.NEST)
    if attr in PLAIN_ATTRIBUTES and (tensors or owner.is_derived):
        return PLAIN
    if attr in SAME_ATTRIBUTES and tensors:
        return owner.but(grad=owner.grad and attr not in ("data", "grad"))
    if owner.kind is Kind.NEST and attr in ("loss", "logits"):
        return owner.but(kind=Kind.TENSOR)
    if owner.kind is Kind.NEST or owner.is_derived:
        return owner
    if owner.kind is Kind.UNKNOWN and attr == "grad":
        return Value(Kind.TENSOR, Device.ACCELERATOR)
    if owner.kind is Kind.MODULE and attr in ("weight", "bias"):
        return Value(Kind.TENSOR, Device.ACCELERATOR)
    return MODULE if owner.kind is Kind.MODULE and attr == "module" else UNKNOWN


def element_of(owner: Value, key: ast.expr) -> Value:
    """Return what `owner[key]` holds."""
    if owner.kind is Kind.NEST and isinstance(key, ast.Constant):
        return owner.but(kind=Kind.TENSOR) if key.value in ("loss", "logits") else owner
    if owner.kind is Kind.UNKNOWN and isinstance(key, ast.Constant) and key.value == "params":
        return Value(Kind.PARAMETERS)
    if owner.kind is Kind.GROUP:
        return owner if isinstance(key, ast.Slice) else owner.held(key_of(key))
    if owner.is_derived and isinstance(key, ast.Tuple):
        return Value(Kind.TENSOR, Device.ACCELERATOR)  # only tensors take `x[:, 0]`
    return owner if owner.kind in (*UNPACKED, Kind.NEST) or owner.is_derived else UNKNOWN
