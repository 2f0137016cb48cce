"""PyTorch's own parts that ask for a device or run code elsewhere, made to know a shadow device."""

import functools
import threading
from typing import TYPE_CHECKING, Any

import torch
import torch.utils._device
import torch.utils.data._utils.worker
from torch.utils._pytree import tree_map

from .sync_table import CALLS, H2D_WHY, NEW_WHY
from .torch_functions import GPU, construct, means_gpu
from .torch_here import Here
from .torch_marks import is_on_gpu, put_on_gpu
from .torch_operators import note_copy
from .trace import Kind

if TYPE_CHECKING:
    from .torch_shadow import Shadow

_NO_COMPILE = "torch.compile is off: what it would run is run without it"
_NO_NCCL = "NCCL is replaced by Gloo, which does not wait for the GPU"
_LEGACY = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")


def _autocast(shadow: "Shadow") -> None:
    """Let autocast of CUDA be that of the CPU, with CUDA's type where none is said."""

    def begin(inner: Any, self: Any, device_type: str, *args: Any, **options: Any) -> None:
        if device_type == "cuda":
            device_type = "cpu"
            if not args and options.get("dtype") is None:
                options["dtype"] = defaults["dtype"]
        inner(self, device_type, *args, **options)

    defaults = {"dtype": torch.float16}
    shadow.wrap_method(torch.autocast, "__init__", begin)

    def on_cpu(inner: Any, *args: Any, **options: Any) -> Any:
        if options.get("device_type") == "cuda":
            options["device_type"] = "cpu"
        return inner(*("cpu" if word == "cuda" else word for word in args), **options)

    def enabled(inner: Any, device_type: str = "cuda") -> Any:
        return inner("cpu" if device_type == "cuda" else device_type)

    def get_dtype(inner: Any, device_type: str) -> Any:
        if device_type != "cuda":
            return inner(device_type)
        return inner("cpu") if torch.is_autocast_enabled("cpu") else defaults["dtype"]

    shadow.wrap(torch, "is_autocast_enabled", enabled)
    shadow.wrap(torch, "get_autocast_dtype", get_dtype)
    for name in ("set_autocast_enabled", "set_autocast_dtype"):
        shadow.wrap(torch, name, on_cpu)


def _generators(shadow: "Shadow") -> None:
    plain = torch.Generator

    class Kind(type(plain)):  # type: ignore[misc]
        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, plain)

    class Generator(plain, metaclass=Kind):  # type: ignore[misc, valid-type]
        """A generator of numbers that says it is on the GPU where it was made for that."""

        def __new__(cls, device: Any = None) -> Any:
            named = "cpu" if device is None or means_gpu(device) else device
            made = plain.__new__(cls, named)  # type: ignore[call-arg]
            made.on_gpu = device is not None and means_gpu(device)
            return made

        def __init__(self, device: Any = None) -> None:
            pass

        @property
        def device(self) -> torch.device:
            return GPU if self.on_gpu else plain.device.__get__(self)

    shadow.replace(torch, "Generator", Generator)


def _devices(shadow: "Shadow") -> None:
    """Let `torch.set_default_device`, `with torch.device("cuda")` and foreach know the GPU."""

    def told(inner: Any, self: Any, func: Any, types: Any, *given: Any) -> Any:
        args = given[0] if given else ()
        kwargs = (given[1] if len(given) > 1 else None) or {}
        made_here = func in torch.utils._device._device_constructors()
        if made_here and kwargs.get("device") is None and means_gpu(self.device):
            return construct(shadow.here(), func, args, {**kwargs, "device": self.device})
        return inner(self, func, types, args, kwargs)

    shadow.wrap_method(torch.utils._device.DeviceContext, "__torch_function__", told)
    shadow.wrap(torch._C, "_group_tensors_by_device_and_dtype", _grouped)


def _grouped(inner: Any, lists: Any, with_indices: bool = False) -> dict[Any, Any]:
    """Group lists of tensors by device: PyTorch's function sees the CPU everywhere."""
    where = [tensor is not None and is_on_gpu(tensor) for tensor in lists[0]]
    found: dict[Any, Any] = {}
    for on_gpu in sorted(set(where)):
        numbers = [number for number, there in enumerate(where) if there is on_gpu]
        part = [[tensors[n] for n in numbers] if tensors else [] for tensors in lists]
        for (device, dtype), (tensors, indices) in inner(part, with_indices).items():
            own = [numbers[index] for index in indices]
            found[GPU if on_gpu else device, dtype] = (tensors, own)
    return found


def _threads(shadow: "Shadow") -> None:
    """See what other threads and backward passes do, but not what a loader's workers do."""

    def bootstrap(inner: Any, thread: Any) -> None:
        with shadow.modes():
            inner(thread)

    shadow.wrap_method(threading.Thread, "_bootstrap_inner", bootstrap)

    def seen(inner: Any, *args: Any, **options: Any) -> Any:
        # A function that comes through the function mode has it off for its time, with all that it
        # calls: `Tensor.backward` has hooks, and an operator may save what it needs by others.
        with shadow.functions():
            return inner(*args, **options)

    shadow.wrap(torch.autograd, "_engine_run_backward", seen)

    def hooks(inner: Any, self: Any, pack: Any, unpack: Any) -> None:
        inner(self, functools.partial(seen, pack), functools.partial(seen, unpack))

    shadow.wrap_method(torch.autograd.graph.saved_tensors_hooks, "__init__", hooks)
    loop = torch.utils.data._utils.worker._worker_loop

    @functools.wraps(loop)
    def work(*args: Any, **options: Any) -> None:
        Here.off = True
        loop(*args, **options)

    shadow.replace(torch.utils.data._utils.worker, "_worker_loop", work)


def _storing(shadow: "Shadow") -> None:
    def pickled(inner: Any, tensor: Any, *args: Any) -> Any:
        if is_on_gpu(tensor):
            note_copy(shadow.here(), Kind.D2H, "pickle", tensor, False, pinned=False)
        return inner(tensor, *args)

    shadow.wrap_method(torch.Tensor, "_reduce_ex_internal", pickled)
    # It takes no stream but PyTorch's own.
    shadow.wrap_method(torch.Tensor, "record_stream", lambda *args: None)

    def load(inner: Any, file: Any, map_location: Any = None, **options: Any) -> Any:
        if not means_gpu(map_location) or isinstance(map_location, int):
            return inner(file, map_location, **options)
        loaded = inner(file, "cpu", **options)
        shadow.here().record(Kind.H2D, "load()", H2D_WHY)
        return put_on_gpu(loaded)

    shadow.wrap(torch, "load", load)


def _compiling(shadow: "Shadow") -> None:
    def compiled(inner: Any, *args: Any, **options: Any) -> Any:
        if _NO_COMPILE not in shadow.recorder.notices:
            shadow.recorder.notice(_NO_COMPILE)
            shadow.undo(torch.compiler.set_stance, "default")
            torch.compiler.set_stance("force_eager")
        return inner(*args, **options)

    shadow.wrap(torch, "compile", compiled)


def _distributed(shadow: "Shadow") -> None:
    if not torch.distributed.is_available():
        return

    def begin(inner: Any, backend: Any = None, *args: Any, **options: Any) -> Any:
        if backend is None or "nccl" in str(backend):
            shadow.recorder.notice(_NO_NCCL)
            backend = "gloo"
        options.pop("device_id", None)
        return inner(backend, *args, **options)

    def barrier(inner: Any, *args: Any, **options: Any) -> Any:
        options.pop("device_ids", None)
        shadow.here().record(Kind.WAIT, "distributed.barrier", CALLS["barrier"])
        return inner(*args, **options)

    homes = (torch.distributed, torch.distributed.distributed_c10d)
    for home in homes:
        shadow.replace(home, "is_nccl_available", lambda: True)
    for name, around in (("init_process_group", begin), ("barrier", barrier)):
        inner = getattr(torch.distributed, name)
        stand_in = functools.wraps(inner)(functools.partial(around, inner))
        for home in homes:
            shadow.replace(home, name, stand_in)


def _parallel(shadow: "Shadow") -> None:
    """Let `DataParallel` call its module: there is one GPU."""

    def forward(inner: Any, self: Any, *inputs: Any, **options: Any) -> Any:
        there = tree_map(_to_gpu, (inputs, options))
        return self.module(*there[0], **there[1])

    shadow.wrap_method(torch.nn.DataParallel, "forward", forward)


def _to_gpu(value: Any) -> Any:
    return value.to(GPU, non_blocking=True) if isinstance(value, torch.Tensor) else value


def _profiling(shadow: "Shadow") -> None:
    """Profile the CPU alone."""

    def begin(inner: Any, self: Any, *args: Any, **options: Any) -> None:
        if options.get("activities") is not None:
            cuda = torch.profiler.ProfilerActivity.CUDA
            kept = [activity for activity in options["activities"] if activity != cuda]
            options["activities"] = kept or None
        inner(self, *args, **options)

    shadow.wrap_method(torch.profiler.profile, "__init__", begin)


def _legacy(shadow: "Shadow") -> None:
    """Offer `torch.cuda.FloatTensor` and its like."""

    class Legacy(type):
        def __call__(cls, *args: Any) -> Any:
            made = getattr(torch, cls.__name__)(*args)
            if args and not all(isinstance(arg, int | torch.Size) for arg in args):
                shadow.here().record(Kind.H2D, cls.__name__, NEW_WHY)
            return put_on_gpu(made)

        def __instancecheck__(cls, instance: Any) -> bool:
            plain = getattr(torch, cls.__name__)
            return isinstance(instance, plain) and is_on_gpu(instance)

    for kind in _LEGACY:
        name = f"{kind}Tensor"
        shadow.replace(torch.cuda, name, Legacy(name, (), {"__module__": "torch.cuda"}))


PARTS = (
    *(_autocast, _generators, _devices, _threads, _storing, _compiling, _distributed),
    *(_parallel, _profiling, _legacy),
)
