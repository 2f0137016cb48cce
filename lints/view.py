"""The rest of a project, as one of its files sees it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from .modules import FILE
from .outside import LIBRARIES, HotCall
from .values import UNKNOWN, Value

if TYPE_CHECKING:
    from .project import At, Project


class View:
    """The rest of a project, as one of its files sees it."""

    def __init__(self, project: "Project", path: str, called: Mapping[str, HotCall]) -> None:
        self._project = project
        self._path = path
        self.called = MappingProxyType(dict(called))

    @property
    def trains(self) -> bool:
        """Whether any file of the project takes training steps."""
        return self._project.trains

    @property
    def accelerates(self) -> bool:
        """Whether any file of the project trains on a GPU or its like."""
        return self._project.accelerates

    @property
    def on_host(self) -> bool:
        """Whether the project trains, and none of its files speaks of an accelerator."""
        return self._project.on_host

    def bases(self, name: str) -> frozenset[str]:
        """Return the library classes that an imported class derives from."""
        # By custom only classes begin with a capital letter.
        if name.startswith(LIBRARIES) or not name.rpartition(".")[2].lstrip("_")[:1].isupper():
            return frozenset()
        target = self._project.target(self._path, name)
        return self._project.bases(target) if target else frozenset()

    def returned(self, name: str, at: "At" = ()) -> Value:
        """Return what an imported function gives back, or a part of the tuple that it gives."""
        if name.startswith(LIBRARIES):
            return UNKNOWN
        target = self._project.target(self._path, name)
        return self._project.returned(target, at) if target else UNKNOWN

    def made(self, name: str) -> str | None:
        """Return the full name of the class whose objects an imported function gives back."""
        if name.startswith(LIBRARIES):
            return None
        target = self._project.target(self._path, name)
        made = self._project.made(target) if target else None
        return f"{FILE}{made[0]}:{made[1]}" if made else None

    def defines(self, name: str) -> bool:
        """Whether an imported name leads to a file of the project."""
        return self._project.target(self._path, name) is not None

    def overridden(self, home: str, method: str) -> bool:
        """Whether a class of another file overrides a method of a class of this one."""
        return any(each.file != self._path for each in self._project.heirs(home, method))

    def is_telling(self, method: str) -> bool:
        """Whether the name of a method alone tells which class, or which few, it belongs to."""
        return bool(self._project.methods_named(method))

    def makes_tensor(self, name: str) -> bool:
        """Whether an imported function, given numbers, makes a tensor on the host of them."""
        if name.startswith(LIBRARIES):
            return False
        target = self._project.target(self._path, name)
        return target is not None and self._project.makes_tensor(target)
