"""Answers what a script asks of tensors as a GPU would: devices, moves, and reads of values."""

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from .sync_table import (
    CHECKED_ON_CPU_ONLY,
    NEW_WHY,
    ON_CPU_WHY,
    ONE_HOT_WHY,
    READ_WHY,
    READS,
    THERE_WHY,
    WAITING,
)
from .torch_here import Here
from .torch_marks import any_on_gpu, is_on_gpu, is_pinned, pin, put_on_gpu
from .torch_operators import note_copy
from .trace import Kind

GPU = torch.device("cuda", 0)
_CPU = torch.device("cpu")
_T = torch.Tensor

Handler = Callable[[Here, Any, Any, Any], Any]


class Functions(TorchFunctionMode):
    """Sees the functions and methods that scripts call on tensors."""

    def __init__(self, here: Here) -> None:
        super().__init__()
        self.here = here

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one function as if tensors with the mark were on the GPU."""
        if Here.off:
            return func(*args, **(kwargs or {}))
        handler = HANDLERS.get(func)
        if handler is not None:
            return handler(self.here, func, args, kwargs or {})
        if kwargs:
            if kwargs.get("device") is not None or kwargs.get("pin_memory"):
                return construct(self.here, func, args, kwargs)
            return func(*args, **kwargs)
        return func(*args)


def means_gpu(device: Any) -> bool:
    """Whether a device, its name or its number is the GPU's."""
    if isinstance(device, torch.device):
        return device.type == "cuda"
    if isinstance(device, str):
        return device.partition(":")[0] == "cuda"
    return isinstance(device, int) and not isinstance(device, bool)


def _means_cpu(device: Any) -> bool:
    if isinstance(device, torch.device):
        return device.type == "cpu"
    return isinstance(device, str) and device.partition(":")[0] == "cpu"


def construct(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    """Call a function that is told a device: on the CPU, with a mark where it is the GPU."""
    device, pinned = kwargs.get("device"), kwargs.get("pin_memory")
    if pinned:
        kwargs = {**kwargs, "pin_memory": False}
    if means_gpu(device):
        data = args[0] if args else kwargs.get("data", kwargs.get("obj"))
        new = func(*args, **{**kwargs, "device": _CPU})
        is_there = isinstance(data, _T) and is_on_gpu(data)
        if func in _FROM_DATA and not is_there and new.numel():
            here.record(Kind.H2D, f"{func.__name__}()", NEW_WHY)
        return put_on_gpu(new)
    if _means_cpu(device):
        if func in _FROM_DATA and args and isinstance(args[0], _T) and is_on_gpu(args[0]):
            note_copy(here, Kind.D2H, f"{func.__name__}()", args[0], False, pinned=False)
        with here.set("on_cpu"):
            made = func(*args, **kwargs)
        return pin(made) if pinned else made
    made = func(*args, **kwargs)
    return pin(made) if pinned else made


def _from_data(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    """`as_tensor` takes a device as its third argument, too."""
    if func is torch.as_tensor and len(args) > 2:
        args, kwargs = args[:2], {**kwargs, "device": args[2]}
    data = args[0] if args else kwargs.get("data", kwargs.get("obj"))
    for _ in range(_values_on_gpu(data)):
        here.record(Kind.WAIT, f"{func.__name__}()", READ_WHY)
    if kwargs.get("device") is not None or kwargs.get("pin_memory"):
        return construct(here, func, args, kwargs)
    return func(*args, **kwargs)


def _values_on_gpu(data: Any) -> int:
    """How many tensors on the GPU a list holds, each of which is read."""
    if not isinstance(data, list | tuple):
        return 0
    return sum(is_on_gpu(p) if isinstance(p, _T) else _values_on_gpu(p) for p in data)


_FROM_DATA = {torch.tensor, torch.as_tensor, torch.asarray}


def _device(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    return GPU if is_on_gpu(args[0]) else func(*args)


def _is_cuda(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    return is_on_gpu(args[0])


def _is_cpu(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    return not is_on_gpu(args[0]) and func(*args)


def _get_device(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    return 0 if is_on_gpu(args[0]) else func(*args, **kwargs)


def _is_pinned(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    return is_pinned(args[0])


def _pin_memory(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    if is_on_gpu(args[0]):
        raise RuntimeError("cannot pin a tensor on the GPU: only dense CPU tensors can be pinned")
    return args[0] if is_pinned(args[0]) else pin(args[0].clone())


def _read(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    name = READS[func.__name__]
    if not is_on_gpu(args[0]):
        here.record_free(name, ON_CPU_WHY)
        return func(*args, **kwargs)
    here.record(Kind.WAIT, name, READ_WHY)
    with here.set("muted"):
        return func(*args, **kwargs)


def _copying(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    with here.set("copying"):
        return func(*args, **kwargs)


def _to(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    rest = [*args[1:]]
    device, dtype = kwargs.get("device"), kwargs.get("dtype")
    non_blocking, copy = kwargs.get("non_blocking", False), kwargs.get("copy", False)
    other = rest[0] if rest and isinstance(rest[0], _T) else kwargs.get("other")
    flags = [part for part in rest if isinstance(part, bool)]
    if flags:
        non_blocking, copy = flags[0], flags[1] if len(flags) > 1 else copy
    to_gpu = is_on_gpu(args[0])
    if other is not None:
        to_gpu, dtype = is_on_gpu(other), other.dtype
        if not to_gpu and other.device.type not in ("cpu", "cuda"):
            return func(*args, **kwargs)
    for part in rest:
        if isinstance(part, torch.dtype):
            dtype = part
        elif isinstance(part, torch.device | str) or (type(part) is int):
            device = part
    if device is not None:
        if not means_gpu(device) and not _means_cpu(device):
            return func(*args, **kwargs)  # meta, for instance
        to_gpu = means_gpu(device)
    layout = kwargs.get("memory_format")
    return _moved(here, args[0], to_gpu, dtype, non_blocking, layout=layout, copy=copy)


def _cuda(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    flags = [part for part in args[1:] if isinstance(part, bool)]
    non_blocking = flags[0] if flags else kwargs.get("non_blocking", False)
    layout = kwargs.get("memory_format")
    return _moved(here, args[0], True, None, non_blocking, layout=layout, operation="cuda()")


def _cpu(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    layout = kwargs.get("memory_format")
    return _moved(here, args[0], False, None, False, layout=layout, operation="cpu()")


def _type(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    given = args[1] if len(args) > 1 else kwargs.get("dtype")
    if given is None:
        name: str = func(*args, **kwargs)
        return name.replace("torch.", "torch.cuda.", 1) if is_on_gpu(args[0]) else name
    if isinstance(given, torch.dtype):
        return func(*args, **kwargs)
    name = given if isinstance(given, str) else f"{given.__module__}.{given.__name__}"
    plain = name.replace("torch.cuda.", "torch.")
    kind = getattr(torch, plain.removeprefix("torch."))
    return _moved(here, args[0], name != plain, kind.dtype, False, operation="type()")


def _moved(
    here: Here,
    tensor: torch.Tensor,
    to_gpu: bool,
    dtype: torch.dtype | None,
    non_blocking: bool,
    *,
    layout: Any = None,
    copy: bool = False,
    operation: str = "to()",
) -> torch.Tensor:
    options = {} if layout is None else {"memory_format": layout}
    if to_gpu == is_on_gpu(tensor):
        here.record_free(operation, THERE_WHY)
        same: torch.Tensor = _T.to(tensor, dtype or tensor.dtype, copy=copy, **options)
        return same
    # What comes from the GPU gets pinned memory from PyTorch, so that the host may go on.
    kind, pinned = (Kind.H2D, is_pinned(tensor)) if to_gpu else (Kind.D2H, True)
    with here.set("on_cpu"):
        there: torch.Tensor = _T.to(tensor, _CPU, dtype or tensor.dtype, copy=True, **options)
    note_copy(here, kind, operation, tensor, non_blocking, pinned=pinned)
    if to_gpu:
        put_on_gpu(there)
    elif non_blocking:
        pin(there)
    return there


def _new_tensor(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    device = kwargs.get("device")
    to_gpu = is_on_gpu(args[0]) if device is None else means_gpu(device)
    if not to_gpu:
        return construct(here, func, args, kwargs)
    data = args[1] if len(args) > 1 else kwargs.get("data")
    new = func(*args, **{**kwargs, "device": _CPU})
    if not (isinstance(data, _T) and is_on_gpu(data)) and new.numel():
        here.record(Kind.H2D, "new_tensor()", NEW_WHY)
    return put_on_gpu(new)


def _deepcopy(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    copied = func(*args, **kwargs)
    if is_on_gpu(args[0]):
        put_on_gpu([copied, copied.grad] if copied.is_leaf and copied.grad is not None else copied)
    return copied


def _checked(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    """Call what reads values on a CPU only, to check them."""
    if not any_on_gpu(args):
        return func(*args, **kwargs)
    if func.__name__ == "one_hot":
        classes = args[1] if len(args) > 1 else kwargs.get("num_classes", -1)
        if classes == -1:
            here.record(Kind.WAIT, "one_hot", ONE_HOT_WHY)
    with here.set("muted"):
        return func(*args, **kwargs)


def _waiting(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    if any_on_gpu(args):
        here.record(Kind.WAIT, func.__name__, WAITING[func.__name__])
    with here.set("muted"):
        return func(*args, **kwargs)


def _parsed(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    """Understand the arguments of `Module.to`, where a number is that of a GPU."""
    args = tuple(GPU if type(part) is int else part for part in args)
    if type(kwargs.get("device")) is int:
        kwargs = {**kwargs, "device": GPU}
    return func(*args, **kwargs)


def _plain(here: Here, func: Any, args: Any, kwargs: Any) -> Any:
    """Share nothing where CUDA would not either."""
    return args[0] if is_on_gpu(args[0]) else func(*args, **kwargs)


def _handlers() -> dict[Any, Handler]:
    getters = {"device": _device, "is_cuda": _is_cuda, "is_cpu": _is_cpu}
    handlers: dict[Any, Handler] = {getattr(_T, n).__get__: h for n, h in getters.items()}
    handlers |= {getattr(_T, name): _read for name in READS if hasattr(_T, name)}
    handlers |= {
        _T.get_device: _get_device,
        _T.is_pinned: _is_pinned,
        _T.pin_memory: _pin_memory,
        _T.to: _to,
        _T.cuda: _cuda,
        _T.cpu: _cpu,
        _T.type: _type,
        _T.copy_: _copying,
        _T.__setitem__: _copying,
        torch._foreach_copy_: _copying,
        _T.new_tensor: _new_tensor,
        _T.__deepcopy__: _deepcopy,
        _T.share_memory_: _plain,
        torch._C._nn._parse_to: _parsed,
    }
    handlers |= dict.fromkeys(_FROM_DATA, _from_data)
    for names, handler in ((CHECKED_ON_CPU_ONLY, _checked), (WAITING, _waiting)):
        for name in names:
            for home in (torch, _T, torch._C._nn, torch.nn.functional):
                if hasattr(home, name):
                    handlers[getattr(home, name)] = handler
    return handlers


HANDLERS = _handlers()
