"""Knows the floating-point work of an operator, and how fast a device may do it."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils import flop_counter
from torch.utils.flop_counter import flop_registry

# The device of a product ("cpu", "cuda") and the type that it may be computed in ("bfloat16").
Kind = tuple[str, str]

Formula = Callable[..., int]

# Their first tensor is what the product is added to.
_ADD = {"aten::addmm", "aten::baddbmm"}
# In float32 these run as three products in TF32 on tensor cores (CUTLASS, OpMultiplyAddFastF32).
_ATTENTION = {
    "aten::_scaled_dot_product_efficient_attention",
    "aten::_scaled_dot_product_efficient_attention_backward",
    "aten::_efficient_attention_forward",
    "aten::_efficient_attention_backward",
}


def formula_of(func: Any) -> Formula | None:
    """Return what works out the floating-point operations of an operator's call; None: nothing."""
    packet = getattr(func, "_overloadpacket", func)
    return flop_registry.get(packet) or _OURS.get(packet)


def kind_of(operator: str, args: Sequence[Any]) -> Kind:
    """Say on which device a product runs and in which type it may be computed at the fastest.

    That is the type of its inputs, which autocast has converted by then; for float32 it is what
    PyTorch's settings allow in its place: "tfloat32" on a GPU, "bfloat16" on a CPU. All types of
    eight bits are "float8". A GPU that is not the current one is named with its number.
    """
    factor = args[1 if operator in _ADD else 0]
    kind = str(factor.dtype).removeprefix("torch.")
    if kind == "float32":
        kind = _float32(operator, factor.device)
    return _place(factor.device), "float8" if kind.startswith("float8_") else kind


def _place(device: torch.device) -> str:
    current = device.type == "cuda" and device.index == torch.cuda.current_device()
    return device.type if current or device.index is None else str(device)


def _float32(operator: str, device: torch.device) -> str:
    convolves = "conv" in operator
    if device.type == "cuda":
        if operator in _ATTENTION:
            return "tfloat32"
        cudnn, cublas = torch.backends.cudnn, torch.backends.cuda.matmul
        place = getattr(cudnn, "conv", cudnn) if convolves else cublas
        return "tfloat32" if _precision(place) == "tf32" else "float32"
    if device.type == "cpu":
        place = getattr(torch.backends.mkldnn, "conv" if convolves else "matmul", None)
        # What it calls TF32 no CPU that PyTorch runs on has.
        return "bfloat16" if _precision(place) == "bf16" else "float32"
    return "float32"


def _precision(place: Any) -> str:
    """Return what float32 may be replaced by: "tf32", "bf16", or another word for nothing."""
    said = getattr(place, "fp32_precision", None)
    if said is None:  # PyTorch before 2.9
        return "tf32" if getattr(place, "allow_tf32", False) else "ieee"
    return str(said)


def _attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    shapes = (query.shape, key.shape, value.shape)
    return int(flop_counter.sdpa_flop_count(*shapes))  # type: ignore[no-untyped-call]


def _attention_backward(grad: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    shapes = (grad.shape, query.shape, key.shape, value.shape)
    return int(flop_counter.sdpa_backward_flop_count(*shapes))  # type: ignore[no-untyped-call]


# PyTorch's own formulas leave out what attention is on a CPU.
_ON_CPU: dict[str, Formula] = {
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_flash_attention_for_cpu_backward": _attention_backward,
}
_OURS = {
    packet: formula
    for name, formula in _ON_CPU.items()
    if (packet := getattr(torch.ops.aten, name, None)) is not None
}
