"""Begins our work in a Python process as soon as it has imported PyTorch.

`launch.py` has Python load this file before the script; it must not import PyTorch by itself.
"""

import atexit
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

# The package has a name of its own there, see `launch.py`.
_US = __name__.partition(".")[0]


def install(folder: str, start: str) -> None:
    """Wait for PyTorch's import, then call `start()` of our module of that name.

    What it returns is called at the end, and what that says is written into `folder`.
    """
    sys.meta_path.insert(0, _Finder(folder, start))


class _Finder(MetaPathFinder):
    def __init__(self, folder: str, start: str) -> None:
        self._folder, self._start = folder, start
        self._asking = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find PyTorch as others do, and begin behind its import.

        Many only ask whether PyTorch is there, and import it later.
        """
        if name != "torch" or self._asking:
            return None
        self._asking = True
        try:
            spec = find_spec(name)
        finally:
            self._asking = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self, self._folder, self._start)
        return spec


class _Loader(Loader):
    def __init__(self, inner: Loader, finder: _Finder, folder: str, start: str) -> None:
        self._inner = inner
        self._finder = finder
        self._folder, self._start = folder, start

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        sys.meta_path.remove(self._finder)
        if module.__spec__ is not None:
            module.__spec__.loader = self._inner
        module.__loader__ = self._inner
        self._inner.exec_module(module)
        write: Callable[[], str] = import_module(f"{_US}.{self._start}").start()
        me = os.getpid()

        def end() -> None:
            # A forked child has its own end, and nothing of its own to tell.
            if os.getpid() == me:
                with open(os.path.join(self._folder, f"{me}.told"), "w", encoding="utf-8") as file:
                    file.write(write())

        atexit.register(end)
