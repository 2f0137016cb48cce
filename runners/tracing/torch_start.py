"""Begins to trace this process: on a shadow device, or beside PyTorch's own check on a real one."""

import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_post_hook

from .recorder import Recorder
from .sites import Sites
from .torch_marks import is_on_gpu
from .trace import NOT_ON_GPU, SHADOW, Kind, Trace
from .trace_json import as_json


def start() -> Callable[[], str]:
    """Begin, and return what gives the trace as JSON."""
    sites = Sites(os.path.dirname(torch.__file__), sysconfig.get_paths()["stdlib"])
    recorder, seen = Recorder(sites), Recorder(sites)
    if torch.cuda.is_available():
        from .torch_real import watch_real

        watch_real(recorder, seen)
        is_real = True
    else:
        from .torch_shadow import Shadow

        Shadow(recorder).enter()
        is_real = False
    notices = watch_device()
    for each in (recorder, seen):
        watch_steps(each)
        os.register_at_fork(after_in_child=each.forget)

    def write() -> str:
        return as_json(
            Trace(
                tuple(sys.orig_argv),
                _device() if is_real else SHADOW,
                torch.__version__,
                recorder.steps,
                recorder.syncs(),
                seen.syncs(),
                (*recorder.notices, *notices(recorder)),
                tuple(sorted(_files(sites))),
            )
        )

    return write


def _device() -> str:
    used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return torch.cuda.get_device_name() if used else "a GPU that was not used"


def _files(sites: Sites) -> Iterator[str]:
    for module in [*sys.modules.values()]:
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and sites.is_own(file):
            yield sites.absolute(file)


def watch_steps(recorder: Recorder) -> None:
    """Tell the recorder where training begins, and where each step ends."""

    def stepped(optimizer: Any, args: Any, kwargs: Any) -> None:
        recorder.stepped(id(optimizer))

    def called(module: torch.nn.Module, args: Any) -> None:
        if module.training and torch.is_grad_enabled():
            recorder.began_training()
            first.remove()

    register_optimizer_step_post_hook(stepped)
    first = register_module_forward_pre_hook(called)


def watch_device() -> Callable[[Recorder], tuple[str, ...]]:
    """Watch where the weights of steps are, and return what the reader has to know of it.

    An optimizer whose weights are on the host (offloading) is fine where anything else is not.
    """
    found: set[bool] = set()

    def stepped(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if True in found:
            return
        weights = (weight for group in optimizer.param_groups for weight in group["params"])
        found.add(any(weight.is_cuda or is_on_gpu(weight) for weight in weights))

    register_optimizer_step_post_hook(stepped)

    def notices(recorder: Recorder) -> tuple[str, ...]:
        unused = all(sync.kind is Kind.NONE for sync in recorder.syncs())
        return (NOT_ON_GPU,) if unused and found == {False} else ()

    return notices
