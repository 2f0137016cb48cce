"""What the files of a project are to each other: who defines what, and who calls whom."""

import ast
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from .file_facts import FileFacts
from .modules import Modules
from .names import Names
from .nodes import Function
from .only import EVERYTHING, may_tell
from .outlines import Outline, Roster
from .outside import LIBRARIES, HotCall
from .paths import is_test_code
from .values import UNKNOWN, Value
from .view import View
from .words import begins_line, has_word

# How many characters of parsed files are held at once, how many questions may lead to each other,
# and through how many modules a name may be passed on.
_HELD = 2_000_000
_DEEPEST = 6
_REEXPORTS = 4
# Where a module takes all names of more modules than this, looking through them is not worth it.
_MOST_STARS = 12

# Gives the text of a file by its path; None where it cannot be read.
Read = Callable[[str], str | None]
Target = tuple[str, str]
At = tuple[int | None, ...]
Key = TypeVar("Key")
Known = TypeVar("Known")
# An answer, with the files that had a say in it.
Answer = tuple[Known, frozenset[str]]


@dataclass(frozen=True, slots=True)
class _Offered:
    """What others get from a module: by its `own` names, what it imports, and all of `stars`."""

    own: frozenset[str] = frozenset()
    imports: Mapping[str, list[str]] = field(default_factory=dict)
    stars: tuple[str, ...] = ()


class Project:
    """Answers what one file asks about others; remembers whom it had to look at for that."""

    def __init__(
        self,
        files: Collection[str],
        read: Read,
        *,
        trains: bool,
        accelerates: bool = False,
        on_host: bool = False,
        own: Collection[str] = (),
    ) -> None:
        """Take the paths of all files, and of those whose methods count as the project's `own`."""
        self.trains = trains
        self.accelerates = accelerates
        self.on_host = on_host
        self._read = read
        self._modules = Modules(files)
        self._texts: dict[str, str | None] = {}
        self._held: OrderedDict[str, FileFacts | None] = OrderedDict()
        self._held_size = 0
        self._gone: list[FileFacts] = []  # whoever asked about them may not be done yet
        self._offers: dict[str, _Offered] = {}
        self._targets: dict[tuple[str, str], Answer[Target | None]] = {}
        self._bases: dict[Target, Answer[frozenset[str]]] = {}
        self._returned: dict[tuple[Target, At], Answer[Value]] = {}
        self._made: dict[Target, Answer[Target | None]] = {}
        self._tensors: dict[Target, Answer[bool]] = {}
        self._derived: dict[tuple[Target, Target], Answer[bool]] = {}
        texts = ((file, read(file) or "") for file in own if not is_test_code(file))
        self._roster = Roster(texts)
        self._open: set[object] = set()
        self._consulted: set[str] = set()

    def view(self, path: str, called: Mapping[str, HotCall] | None = None) -> View:
        """Return the rest of the project as one file sees it."""
        return View(self, path, called or {})

    def consulted(self) -> frozenset[str]:
        """Return the files looked at since this was last asked."""
        paths = frozenset(self._consulted)
        self._consulted.clear()
        return paths

    def let_go(self) -> None:
        """Free what is no longer held. Only between files: no question may be open."""
        while self._gone:
            self._gone.pop().dismiss()

    def target(self, importer: str, name: str) -> Target | None:
        """Return the file and the name in it that an imported name leads to."""
        # Files of one folder find the same under a name.
        key = importer.rpartition("/")[0], name
        return self._once(self._targets, key, lambda: self._find(importer, name, _REEXPORTS), None)

    def bases(self, target: Target) -> frozenset[str]:
        """Return the library classes that a class of the project derives from."""
        return self._once(self._bases, target, lambda: self._find_bases(target), frozenset())

    def returned(self, target: Target, at: At) -> Value:
        """Return what a function of the project gives back."""
        key = target, at
        return self._once(self._returned, key, lambda: self._find_returned(target, at), UNKNOWN)

    def made(self, target: Target) -> Target | None:
        """Return the class whose objects a function of the project gives back: file and name."""
        return self._once(self._made, target, lambda: self._find_made(target), None)

    def makes_tensor(self, target: Target) -> bool:
        """Whether a function of the project, given numbers, makes a tensor on the host of them."""
        return self._once(self._tensors, target, lambda: self._find_makes_tensor(target), False)

    def methods_named(self, name: str) -> list[Target]:
        """Return the methods that a name alone tells: those of one class, or of a file's few."""
        if not may_tell(name):
            return []
        self._consulted.add(EVERYTHING)
        return self._roster.methods_named(name)

    def heirs(self, home: str, method: str) -> list[Outline]:
        """Return the classes that seem to derive from one of a name, and define a method of it."""
        if method.startswith("__"):
            return []
        self._consulted.add(EVERYTHING)
        return self._roster.heirs(home, method)

    def overriding(self, home: Target, method: str) -> list[Target]:
        """Return the methods of other files' classes that override one of a class."""
        found = (each for each in self.heirs(home[1], method) if each.file != home[0])
        return [
            (each.file, f"{each.name}.{method}")
            for each in found
            if self._derives((each.file, each.name), home)
        ]

    def _derives(self, heir: Target, home: Target) -> bool:
        key = heir, home
        return self._once(self._derived, key, lambda: self._find_derives(heir, home), False)

    def _find_derives(self, heir: Target, home: Target) -> bool:
        facts = self._facts(heir[0])
        defined = facts.names.global_definition(heir[1]) if facts else None
        if facts is None or not isinstance(defined, ast.ClassDef):
            return False
        bases = (self.target(heir[0], base) for base in facts.names.direct_bases(defined))
        known = [base for base in bases if base is not None]
        return home in known or any(self._derives(base, home) for base in known)

    def _once(
        self,
        known: "dict[Key, Answer[Known]]",
        key: Key,
        find: Callable[[], Known],
        meanwhile: Known,
    ) -> Known:
        """Answer a question once, and tell of the files looked at whenever it is asked."""
        if key in known:
            answer, consulted = known[key]
            self._consulted |= consulted
            return answer
        question = id(known), key
        if question in self._open or len(self._open) >= _DEEPEST:
            return meanwhile  # files that ask each other in a circle, or in a long chain
        before, self._consulted = self._consulted, set()
        self._open.add(question)
        try:
            answer = find()
        finally:
            self._open.discard(question)
            consulted, self._consulted = frozenset(self._consulted), before | self._consulted
        if not self._open:
            known[key] = answer, consulted
        return answer

    def _find(
        self, importer: str, name: str, depth: int, failed: dict[Target, int] | None = None
    ) -> Target | None:
        """Follow a name to where it is defined, through the modules that pass it on."""
        failed = {} if failed is None else failed
        found = self._modules.find(importer, name)
        return self._find_in(*found, depth, failed) if found and found[1] else None

    def _find_in(
        self, file: str, inner: str, depth: int, failed: dict[Target, int]
    ) -> Target | None:
        """Find a name in a module; what `failed` as deep as this is not looked for again."""
        key = file, inner
        if failed.get(key, -1) >= depth:
            return None
        if target := self._follow(file, inner, depth, failed):
            return target
        failed[key] = max(depth, failed.get(key, -1))
        return None

    def _follow(
        self, file: str, inner: str, depth: int, failed: dict[Target, int]
    ) -> Target | None:
        text = self._text(file)
        head, _, rest = inner.partition(".")
        if text is None or (head not in text and "import *" not in text):
            return None
        if _defines(text, head):
            if not rest or "." in rest or _has_method(text, rest):
                return file, inner
            if inherited := self._find_inherited(file, head, rest, depth):
                return inherited
            return (file, inner) if rest in ("__call__", "forward") else None
        if not depth or "import" not in text:
            return None
        offered = self._offered(file)
        if head in offered.own:
            return None
        if head not in offered.imports:
            return self._from_stars(offered.stars, inner, depth - 1, failed)
        for source in offered.imports[head]:
            name = f"{source}.{rest}" if rest else source
            if further := self._find(file, name, depth - 1, failed):
                return further
        return None

    def _from_stars(
        self, stars: Iterable[str], inner: str, depth: int, failed: dict[Target, int]
    ) -> Target | None:
        found = (self._find_in(star, inner, depth, failed) for star in stars)
        return next(filter(None, found), None)

    def _offered(self, file: str) -> "_Offered":
        """Return what importing from a module leads to; worked out once for each."""
        if file not in self._offers:
            facts = self._facts(file)
            self._offers[file] = self._offers_of(file, facts.names) if facts else _Offered()
        return self._offers[file]

    def _offers_of(self, file: str, names: Names) -> "_Offered":
        own, imports = names.at_top()
        stars = imports.pop("*", [])
        modules = (self._modules.module(file, _module_of(star)) for star in stars)
        followed = tuple(filter(None, modules)) if len(stars) <= _MOST_STARS else ()
        return _Offered(own, imports, followed)

    def _find_inherited(self, file: str, home: str, method: str, depth: int) -> Target | None:
        """Return where a class of another file has a method from."""
        facts = self._facts(file) if depth else None
        defined = facts.names.global_definition(home) if facts else None
        if facts is None or not isinstance(defined, ast.ClassDef):
            return None
        for base in facts.names.direct_bases(defined):
            if base.startswith(LIBRARIES):
                continue
            if found := self._find(file, f"{base}.{method}", depth - 1):
                return found
        return None

    def _find_bases(self, target: Target) -> frozenset[str]:
        facts = self._facts(target[0])
        home = facts.names.global_definition(target[1]) if facts else None
        if facts is None or not isinstance(home, ast.ClassDef):
            return frozenset()
        return frozenset(facts.names.bases(home))

    def _find_returned(self, target: Target, at: At) -> Value:
        facts = self._facts(target[0])
        function = facts.names.global_definition(target[1]) if facts else None
        if facts is None or not isinstance(function, Function):
            return UNKNOWN
        return facts.dataflow.given_back(function, at).but(loader=None)

    def _find_made(self, target: Target) -> Target | None:
        facts = self._facts(target[0])
        function = facts.names.global_definition(target[1]) if facts else None
        if facts is None or not isinstance(function, Function):
            return None
        home = facts.callees.given_back(function)
        if isinstance(home, ast.ClassDef):
            return target[0], home.name
        return self.target(target[0], home) if home and not home.startswith(LIBRARIES) else None

    def _find_makes_tensor(self, target: Target) -> bool:
        facts = self._facts(target[0])
        function = facts.names.global_definition(target[1]) if facts else None
        if facts is None or not isinstance(function, Function):
            return False
        return facts.new_tensors.by_function(function)

    def _text(self, path: str) -> str | None:
        self._consulted.add(path)
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def _facts(self, path: str) -> FileFacts | None:
        """Return what is known of a file; None where it cannot be read."""
        text = self._text(path)
        if path not in self._held:
            try:
                facts = None if text is None else FileFacts(text, path, self.view(path))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                facts = None  # it is told where that file itself is checked
            self._held[path] = facts
            self._held_size += len(text or "")
            while self._held_size > _HELD and len(self._held) > 1:
                gone, left = self._held.popitem(last=False)
                self._held_size -= len(self._texts[gone] or "")
                self._gone += [left] if left else []
        self._held.move_to_end(path)
        return self._held[path]


def _module_of(star: str) -> str:
    """Return the module that all names are taken of: `..` of `..*`, `a.b` of `a.b.*`."""
    module = star.removesuffix("*")
    return module if module.startswith(".") else module.removesuffix(".")


def _defines(text: str, name: str) -> bool:
    """Whether a module defines a function or class, as far as its text tells."""
    return any(begins_line(text, f"{kind} {name}") for kind in ("class", "def", "async def"))


def _has_method(text: str, name: str) -> bool:
    """Whether a module defines a function or method of a name, as far as its text tells."""
    return has_word(text, f"def {name}")
