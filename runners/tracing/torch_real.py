"""Traces on a real GPU: PyTorch's own check of synchronizations, and beside it what we expect.

No GPU has run this file yet; tests run it with stand-ins for warnings and tensors.
"""

import functools
import re
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from .conditions import verdict
from .recorder import Recorder
from .sites import caller
from .sync_table import D2H_WHY, H2D_WHY, OPERATORS, READS
from .trace import Kind

_WARNING = "called a synchronizing CUDA operation"
SEEN_WHY = "set_sync_debug_mode saw it"


def watch_real(expected: Recorder, seen: Recorder) -> None:
    """Fill `expected` from our table and `seen` from PyTorch's warnings, until the process ends."""
    # Not before the script itself uses CUDA: a process that has, cannot fork others that do.
    check = functools.partial(torch.cuda.set_sync_debug_mode, "warn")
    torch.cuda._lazy_call(check)  # type: ignore[no-untyped-call]
    hear(seen)
    begin = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]

    def bootstrap(thread: threading.Thread) -> None:
        with modes(expected):
            begin(thread)

    threading.Thread._bootstrap_inner = bootstrap  # type: ignore[attr-defined]
    modes(expected).__enter__()


def hear(seen: Recorder) -> Callable[[], None]:
    """Write PyTorch's warnings of synchronizations down, not on the screen; return the undo."""
    show = warnings.showwarning
    warnings.filterwarnings("always", message=re.escape(_WARNING))

    def heard(message: Any, category: Any, filename: str, lineno: int, *rest: Any) -> None:
        if _WARNING in str(message):
            frame = caller()
            while frame is not None and frame.f_code.co_filename == warnings.__file__:
                frame = frame.f_back
            seen.record(Kind.WAIT, "seen by CUDA", SEEN_WHY, frame)
        else:
            show(message, category, filename, lineno, *rest)

    warnings.showwarning = heard  # type: ignore[assignment]  # the rest is passed on as it came

    def undo() -> None:
        warnings.showwarning = show

    return undo


def modes(recorder: Recorder) -> AbstractContextManager[object]:
    """See the operators and reads of one thread."""
    stack = ExitStack()
    expected = _Expected(recorder)
    stack.enter_context(_Reads(expected))
    stack.enter_context(expected)
    return stack


class _Reads(TorchFunctionMode):
    """Names the Python call that reads a value, which an operator does not know."""

    def __init__(self, expected: "_Expected") -> None:
        super().__init__()
        self._expected = expected

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._expected.reading = READS.get(getattr(func, "__name__", ""))
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self._expected.reading = None


class _Expected(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's class is untyped
    """Notes the operators that should wait, by the same table as on a shadow device."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._recorder = recorder
        self.reading: str | None = None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Note one operator and run it."""
        kwargs = kwargs or {}
        name = func._schema.name.removeprefix("aten::")
        cost = expected_cost(name, args, kwargs)
        if cost is not None:
            self._recorder.record(cost[0], self.reading or name, cost[1], caller())
        return func(*args, **kwargs)


def expected_cost(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Kind, str] | None:
    """Return what a call of `aten::name` should cost on a GPU: its kind and the reason."""
    if name == "copy_":
        target, source = args[:2]
        non_blocking = args[2] if len(args) > 2 else kwargs.get("non_blocking", False)
        return _copy_cost(source.is_cuda, target.is_cuda, non_blocking)
    if name == "_to_copy":
        device = kwargs.get("device")
        if device is None:
            return None
        to_gpu = torch.device(device).type == "cuda"
        return _copy_cost(args[0].is_cuda, to_gpu, kwargs.get("non_blocking", False))
    rule = OPERATORS.get(name)
    if rule is None or not any(_is_on_gpu(value) for value in args):
        return None
    return verdict(rule, args, kwargs, _is_on_gpu)


def _is_on_gpu(value: Any) -> bool:
    return bool(getattr(value, "is_cuda", False))


def _copy_cost(from_gpu: bool, to_gpu: bool, non_blocking: bool) -> tuple[Kind, str] | None:
    if from_gpu == to_gpu or non_blocking:
        return None
    return (Kind.H2D, H2D_WHY) if to_gpu else (Kind.D2H, D2H_WHY)
