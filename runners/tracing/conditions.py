"""On what the arguments of an operator say it depends whether it waits. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .sync_table import CPU_INDEX_WHY, SyncOperator, When
from .trace import Kind

OnGpu = Callable[[Any], bool]
_MASKS = ("torch.bool", "torch.uint8")


def verdict(
    rule: SyncOperator, args: Sequence[Any], kwargs: Mapping[str, Any], on_gpu: OnGpu
) -> tuple[Kind, str] | None:
    """Return what a call with an argument on the GPU costs, and why; None if the host goes on."""
    match rule.when:
        case When.MASK_OR_CPU_INDEX:
            return _index(rule, args[1], on_gpu)
        case When.MASK_PUT:
            return _index_put(rule, args, kwargs, on_gpu)
        case When.ALWAYS:
            waits = True
        case When.NO_OUTPUT_SIZE:
            waits = kwargs.get("output_size") is None
        case When.NO_RANGE:
            low, high = _argument(args, kwargs, 2, "min", 0), _argument(args, kwargs, 3, "max", 0)
            waits = bool(low == high)
        case When.CHECKED:
            waits = bool(kwargs.get("check_errors", False))
        case When.GPU_VALUE:
            value = args[-1]
            waits = hasattr(value, "numel") and on_gpu(value)
        case When.MANY:
            waits = _is_sorted(args[0], args[1], kwargs)
    return (Kind.WAIT, rule.why) if waits else None


def _is_sorted(elements: Any, looked_for: Any, kwargs: Mapping[str, Any]) -> bool:
    """Whether `isin` makes both sides unique: from 10 n^0.145 elements to look for, among n."""
    if not hasattr(elements, "numel") or not hasattr(looked_for, "numel"):
        return False
    many = looked_for.numel() >= 10 * elements.numel() ** 0.145
    return many and not kwargs.get("assume_unique", False)


def _index(rule: SyncOperator, indices: Sequence[Any], on_gpu: OnGpu) -> tuple[Kind, str] | None:
    given = [index for index in indices if index is not None]
    if any(not on_gpu(index) for index in given):
        return Kind.H2D, CPU_INDEX_WHY
    if any(str(index.dtype) in _MASKS for index in given):
        return Kind.WAIT, rule.why
    return None


def _index_put(
    rule: SyncOperator, args: Sequence[Any], kwargs: Mapping[str, Any], on_gpu: OnGpu
) -> tuple[Kind, str] | None:
    indices, values = args[1], args[2]
    given = [index for index in indices if index is not None]
    accumulates = _argument(args, kwargs, 3, "accumulate", False)
    one_number = values.numel() == 1 and not on_gpu(values) and not accumulates
    masks = all(str(index.dtype) in _MASKS for index in given)
    if one_number and masks and len(given) == 1 and on_gpu(given[0]):
        return None  # filled in where the mask says so, without counting
    return _index(rule, indices, on_gpu)


def _argument(
    args: Sequence[Any], kwargs: Mapping[str, Any], position: int, name: str, default: Any
) -> Any:
    return args[position] if len(args) > position else kwargs.get(name, default)
