"""Sees every operator of one step: counts, copies, floating-point work, collectives, host syncs."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ..sides.own_code import OwnCode
from .torch_autograd import watch_backward
from .torch_flops import Kind, formula_of, kind_of

# Operators whose result the host has to know before it can go on: a value, or the size of one.
_READS = {
    "aten::_local_scalar_dense",
    "aten::_unique2",
    "aten::allclose",
    "aten::bincount",
    "aten::equal",
    "aten::masked_select",
    "aten::nonzero",
    "aten::unique_consecutive",
    "aten::unique_dim",
}

_COPIES = {"aten::clone", "aten::copy_", "aten::_to_copy"}
_COLLECTIVES = {"c10d", "_c10d_functional"}
# One process to one other, or no data at all.
_NO_COLLECTIVES = {"send", "recv_", "recv_any_source_", "wait_tensor", "monitored_barrier_"}

Site = tuple[str, int, str]


class Seen(NamedTuple):
    """One step's counts, where the host waits, and what `flops` are made of; {} where unknown."""

    counts: dict[str, int]
    sites: Counter[Site]
    products: Counter[Kind]


def count_operators(step: Callable[[], object], root: Path) -> Seen:
    """Run one step and count its operators; waits are told where they are under `root`."""
    kind = _HiddenOperators if "torch._dynamo" in sys.modules else _Operators
    mode = kind(root)
    with watch_backward() as nodes, mode:
        step()
    counts = dict(mode.totals)
    if nodes is not None:
        counts["autograd_nodes"] = sum(nodes)
    known = {name: n for name, n in counts.items() if name not in mode.unknown}
    return Seen(known, mode.sites, mode.products if "flops" in known else Counter())


class _Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's class is untyped
    """Sees every operator that reaches a device, also those that autograd calls.

    A total that this step makes impossible to work out is in `unknown`.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # To hide from torch.compile means to load it, which takes two seconds: `_HiddenOperators`
        # does, where the program has loaded it already.
        return False

    def __init__(self, root: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._own = OwnCode(root)
        names = ["operators", "host_syncs", "copies", "copy_bytes", "flops"]
        names += ["collectives", "collective_bytes"]
        # Without a device nothing is copied to it, which is no news.
        names += ["h2d_copy_bytes", "d2h_copy_bytes"] if torch.cuda.is_available() else []
        self.totals = dict.fromkeys(names, 0)
        self.unknown: set[str] = set()
        self.sites: Counter[Site] = Counter()
        self.products: Counter[Kind] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Count one operator and run it."""
        if any(hasattr(kind, "__tensor_flatten__") for kind in types):
            # A tensor made of others: what it does with those comes here in turn.
            return NotImplemented
        kwargs = kwargs or {}
        formula = formula_of(func)
        if formula is None and torch.is_inference_mode_enabled() and hasattr(func, "decompose"):
            # Elsewhere autograd has taken composite operators apart before they come here.
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        operator = func.name().split(".")[0]
        self.totals["operators"] += 1
        if _waits(operator, args, kwargs):
            self._note_wait(operator)
        result = func(*args, **kwargs)
        if formula is not None:
            self._note_flops(operator, formula, args, kwargs, result)
        if operator in _COPIES:
            self._note_copy(args[1] if operator == "aten::copy_" else args[0], result)
        elif operator == "aten::_foreach_copy_":
            for target, source in zip(args[0], args[1], strict=True):
                self._note_copy(source, target)
        elif _is_collective(operator):
            self._note_collective(func, args, kwargs)
        return result

    def _note_flops(
        self, operator: str, formula: Any, args: Sequence[Any], kwargs: Any, result: Any
    ) -> None:
        try:
            flops = int(formula(*args, **kwargs, out_val=result))
        except (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError):
            # PyTorch's formulas do not know all layouts: then there is no sum to tell.
            self.unknown.add("flops")
            return
        self.totals["flops"] += flops
        self.products[kind_of(operator, args)] += flops

    def _note_copy(self, source: Any, target: Any) -> None:
        self.totals["copies"] += 1
        size = self._size(target, "copy_bytes")
        self.totals["copy_bytes"] += size
        if source.is_cuda != target.is_cuda and torch.cuda.is_available():
            self.totals["h2d_copy_bytes" if target.is_cuda else "d2h_copy_bytes"] += size

    def _note_collective(self, func: Any, args: Sequence[Any], kwargs: Any) -> None:
        self.totals["collectives"] += 1
        names = [argument.name for argument in func._schema.arguments]
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        sent = next((n for n in names if n.startswith("input") or n in ("tensor", "tensors")), None)
        for tensor in _tensors(given.get(sent) if sent else ()):
            self.totals["collective_bytes"] += self._size(tensor, "collective_bytes")

    def _size(self, tensor: torch.Tensor, total: str) -> int:
        """Bytes of the tensor's elements; `total` is lost where they cannot be told."""
        if tensor.layout is not torch.strided:
            self.unknown.add(total)
            if total == "copy_bytes":
                self.unknown |= {"h2d_copy_bytes", "d2h_copy_bytes"}
            return 0
        return tensor.numel() * tensor.element_size()

    def _note_wait(self, operator: str) -> None:
        frame: FrameType | None = sys._getframe(2)
        site: Site | None = None
        while frame is not None:
            file = frame.f_code.co_filename
            # Data sets are the repository's own code, but what a loader calls is on the CPU anyway.
            on_cpu = "/torch/utils/data/" in file or (site is None and "/torch/optim/" in file)
            if on_cpu and not torch.cuda.is_available():
                return
            if site is None and (path := self._own.path(file)) is not None:
                site = (path, frame.f_lineno, operator)
            frame = frame.f_back
        self.totals["host_syncs"] += 1
        if site is not None:
            self.sites[site] += 1


class _HiddenOperators(_Operators):  # type: ignore[no-untyped-call]  # as above
    """The same where `torch.compile` may be at work: it leaves what is done here alone."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return True

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Count one operator and run it."""
        return super().__torch_dispatch__(func, types, args, kwargs)


def _is_collective(operator: str) -> bool:
    space, _, name = operator.partition("::")
    return space in _COLLECTIVES and name not in _NO_COLLECTIVES


def _tensors(value: Any) -> Iterable[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)


def _waits(operator: str, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    if operator in _READS:
        return _matters(args[0])
    if operator == "aten::index":
        # x[mask] has as many rows as the mask has true values.
        return _matters(args[0]) and any(_is_mask(index) for index in args[1])
    if operator in ("aten::index_put", "aten::index_put_"):
        # x[mask] = y; a single value is filled in without counting the mask's true values.
        masked = any(_is_mask(index) for index in args[1])
        return masked and args[2].numel() > 1 and _matters(args[0])
    if operator == "aten::repeat_interleave":
        return kwargs.get("output_size") is None and _matters(args[0])
    if operator == "aten::_to_copy":
        target = kwargs.get("device")
        to_host = target is not None and torch.device(target).type == "cpu"
        return args[0].is_cuda and to_host and not kwargs.get("non_blocking")
    if operator == "aten::copy_":
        blocking = not (args[2] if len(args) > 2 else kwargs.get("non_blocking", False))
        return args[1].is_cuda and not args[0].is_cuda and blocking
    return False


def _is_mask(index: Any) -> bool:
    return isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8)


def _matters(tensor: Any) -> bool:
    """Whether reading this tensor makes the host wait, or would with a GPU."""
    return tensor.is_cuda or not torch.cuda.is_available()
