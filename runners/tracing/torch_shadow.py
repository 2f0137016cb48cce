"""The shadow device: a script for a GPU runs on the CPU, and its tensors count as on the GPU."""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.overrides import _get_current_function_mode_stack

from .recorder import Recorder
from .torch_cuda import NVTX, stand_ins
from .torch_functions import Functions
from .torch_here import Here
from .torch_libraries import PARTS
from .torch_operators import Operators


class Shadow:
    """All that stands in for a GPU in this process. `enter` and `leave` are for tests, too."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._here = threading.local()
        self._undo = contextlib.ExitStack()

    def here(self) -> Here:
        """Return the state of this thread."""
        if not hasattr(self._here, "state"):
            self._here.state = Here(self.recorder)
        state: Here = self._here.state
        return state

    @contextlib.contextmanager
    def modes(self) -> Iterator[None]:
        """See what this thread does."""
        here = self.here()
        with Functions(here), Operators(here):
            yield

    @contextlib.contextmanager
    def functions(self) -> Iterator[None]:
        """See the functions that this thread calls, if it is not doing so."""
        stack = _get_current_function_mode_stack()  # type: ignore[no-untyped-call]
        if any(isinstance(mode, Functions) for mode in stack):
            yield
            return
        with Functions(self.here()):
            yield

    def enter(self) -> None:
        """Put the stand-ins in place, and see what this thread and those it starts do."""
        cuda, accelerator = stand_ins(self.here)
        for home in (torch.cuda, torch.cuda.memory, torch.cuda.random, torch.cuda.streams):
            self.replace_all(home, cuda, only_there=home is not torch.cuda)
        for home in (torch.accelerator, torch.accelerator.memory):
            self.replace_all(home, accelerator, only_there=home is not torch.accelerator)
        self.replace_all(torch.cuda.nvtx, NVTX)
        self.replace(torch.backends.cuda, "is_built", lambda: True)
        for part in PARTS:
            part(self)
        self._undo.enter_context(self.modes())

    def leave(self) -> None:
        """Undo `enter`."""
        self._undo.close()

    def undo(self, action: Callable[..., object], *arguments: object) -> None:
        """Call `action` when the stand-ins are taken away."""
        self._undo.callback(action, *arguments)

    def replace(self, home: Any, name: str, stand_in: Any) -> None:
        """Give a module or class something else under a name, until `leave`."""
        if name in vars(home):
            self._undo.callback(setattr, home, name, vars(home)[name])
        else:
            self._undo.callback(delattr, home, name)
        setattr(home, name, stand_in)

    def replace_all(self, home: Any, names: dict[str, Any], *, only_there: bool = False) -> None:
        """Replace several; `only_there`: those that the module has already."""
        for name, stand_in in names.items():
            if not only_there or hasattr(home, name):
                self.replace(home, name, stand_in)

    def wrap(self, home: Any, name: str, around: Callable[..., Any]) -> None:
        """Replace a function by `around(the function, *its arguments)`."""
        inner = getattr(home, name)
        self.replace(home, name, functools.wraps(inner)(functools.partial(around, inner)))

    def wrap_method(self, home: type, name: str, around: Callable[..., Any]) -> None:
        """Replace a method by `around(the method, self, *its arguments)`."""
        inner = getattr(home, name)

        @functools.wraps(inner)
        def method(*args: Any, **options: Any) -> Any:
            return around(inner, *args, **options)

        self.replace(home, name, method)
