"""What the files of a project are to each other: who defines what, and who calls whom."""

import ast
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from .facts import Facts
from .modules import Modules
from .outside import HotCall
from .syntax import Function
from .values import UNKNOWN, Value

# How many parsed files are held at once, and how far one file's question leads into others.
_HELD = 32
_DEEPEST = 3
_REEXPORTS = 4

# Gives the text of a file by its path; None where it cannot be read.
Read = Callable[[str], str | None]
Target = tuple[str, str]


class Project:
    """Answers what one file asks about others; remembers whom it had to look at for that."""

    def __init__(self, files: Collection[str], read: Read, *, trains: bool) -> None:
        self.trains = trains
        self._read = read
        self._modules = Modules(files)
        self._held: OrderedDict[str, Facts | None] = OrderedDict()
        self._asked: set[tuple[str, str]] = set()
        self._consulted: set[str] = set()
        self._depth = 0

    def view(self, path: str, called: Mapping[str, HotCall] | None = None) -> "View":
        """Return the rest of the project as one file sees it."""
        return View(self, path, called or {})

    def target(self, importer: str, name: str, depth: int = _REEXPORTS) -> Target | None:
        """Return the file and the name in it that an imported name leads to."""
        found = self._modules.find(importer, name)
        if found is None or not found[1]:
            return None
        file, inner = found
        facts = self.facts(file)
        if facts is None:
            return None
        if facts.names.global_definition(inner) is not None:
            return file, inner
        for passed_on in facts.names.passed_on(inner) if depth else ():
            if further := self.target(file, passed_on, depth - 1):
                return further
        return None

    def facts(self, path: str) -> Facts | None:
        """Return what is known of a file; None where it cannot be read."""
        self._consulted.add(path)
        if path not in self._held:
            text = self._read(path)
            try:
                facts = None if text is None else Facts(text, path, self.view(path))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                facts = None  # it is told where that file itself is checked
            self._held[path] = facts
            if len(self._held) > _HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(path)
        return self._held[path]

    def consulted(self) -> frozenset[str]:
        """Return the files looked at since this was last asked."""
        paths = frozenset(self._consulted)
        self._consulted.clear()
        return paths

    @contextmanager
    def asking(self, path: str, name: str) -> Iterator[bool]:
        """Guard against files that ask each other in a circle: False where this would be one."""
        question = path, name
        if question in self._asked or self._depth >= _DEEPEST:
            yield False
            return
        self._asked.add(question)
        self._depth += 1
        try:
            yield True
        finally:
            self._depth -= 1
            self._asked.discard(question)


class View:
    """The rest of a project, as one of its files sees it."""

    def __init__(self, project: Project, path: str, called: Mapping[str, HotCall]) -> None:
        self._project = project
        self._path = path
        self.called = MappingProxyType(dict(called))
        self._bases: dict[str, frozenset[str]] = {}
        self._returned: dict[tuple[str, tuple[int | None, ...]], Value] = {}

    @property
    def trains(self) -> bool:
        """Whether any file of the project takes training steps."""
        return self._project.trains

    def bases(self, name: str) -> frozenset[str]:
        """Return the library classes that an imported class derives from."""
        if name not in self._bases:
            self._bases[name] = self._find_bases(name)
        return self._bases[name]

    def returned(self, name: str, at: tuple[int | None, ...] = ()) -> Value:
        """Return what an imported function gives back, or a part of the tuple that it gives."""
        key = name, at
        if key not in self._returned:
            self._returned[key] = self._find_returned(name, at)
        return self._returned[key]

    def _find_bases(self, name: str) -> frozenset[str]:
        with self._project.asking(self._path, name) as may_ask:
            found = self._project.target(self._path, name) if may_ask else None
            facts = self._project.facts(found[0]) if found else None
            home = facts.names.global_definition(found[1]) if facts and found else None
            if facts is None or not isinstance(home, ast.ClassDef):
                return frozenset()
            return frozenset(facts.names.bases(home))

    def _find_returned(self, name: str, at: tuple[int | None, ...]) -> Value:
        with self._project.asking(self._path, name) as may_ask:
            found = self._project.target(self._path, name) if may_ask else None
            facts = self._project.facts(found[0]) if found else None
            if facts is None or found is None:
                return UNKNOWN
            function = facts.names.global_definition(found[1])
            if not isinstance(function, Function):
                return UNKNOWN
            return facts.dataflow.given_back(function, at).but(loader=None)
