"""Loads rules that are not ours. What fails is told as a problem; the other rules stay."""

import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from .meta_rule import MetaRule
from .rule import Rule
from .rule_sources import GROUP, anyone_offers_rules, module_file

_CODE = re.compile(r"[A-Z]+\d+")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rules, and why others could not be loaded."""

    rules: tuple[type[Rule], ...] = ()
    problems: tuple[str, ...] = ()


def load_local(root: Path, modules: Sequence[str]) -> Loaded:
    """Import modules of a project, without making the project's other modules importable.

    They are found from `root`, under a name of ours, and import their neighbours with a dot
    (`from .helpers import ...`). They are read anew each time.
    """
    base = "_perflint_local_" + hashlib.sha256(str(root).encode()).hexdigest()[:12]
    for name in [name for name in sys.modules if name.split(".")[0] == base]:
        del sys.modules[name]
    package = ModuleType(base)
    package.__path__ = [str(root)]
    sys.modules[base] = package
    importlib.invalidate_caches()
    loaded: list[Loaded] = []
    with _leaving_no_trace():
        for module in modules:
            if module_file(root, module) is None:
                loaded.append(Loaded(problems=(_missing(root, module),)))
            else:
                loaded.append(_load(f"{base}.{module}", f"the local rules {module}", root))
    return _together(loaded)


def load_installed() -> Loaded:
    """Import the modules that installed packages name in the entry points `perflint.rules`."""
    if not anyone_offers_rules():
        return Loaded()
    from importlib.metadata import entry_points

    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    return _together(
        _load(point.module, f"the rules {point.value} of an installed package", None)
        for point in points
    )


def place_of(error: BaseException, root: Path | None = None) -> str:
    """Say in which file and line an error arose: the last one below `root`, if that is given."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename, root)} line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if root and Path(frame.filename).is_relative_to(root)]
    for frame in reversed(inside or frames):
        return f"{_short(frame.filename, root)} line {frame.lineno}"
    return "an unknown place"


def _load(name: str, what: str, root: Path | None) -> Loaded:
    try:
        module = importlib.import_module(name)
        found = [rule for each in _with_parts(module) for rule in _rules_in(each)]
    except (Exception, SystemExit) as error:  # somebody else's code may fail in any way
        said = f"{type(error).__name__}: {getattr(error, 'msg', None) or error}"
        if isinstance(error, ModuleNotFoundError) and root and _is_neighbour(root, error.name):
            said += " (import neighbours with a dot: `from .helpers import ...`)"
        return Loaded(problems=(f"cannot load {what}: {place_of(error, root)}: {said}",))
    if not found:
        return Loaded(problems=(f"{what} hold no rule: a class that is made from Rule",))
    wrong = {rule: mistake for rule in found if (mistake := _mistake(rule))}
    problems = [f"{what}: {rule.__name__} {mistake}" for rule, mistake in wrong.items()]
    return Loaded(tuple(rule for rule in found if rule not in wrong), tuple(problems))


def _is_neighbour(root: Path, name: str | None) -> bool:
    first = (name or "").split(".")[0]
    return bool(first) and ((root / first).is_dir() or (root / f"{first}.py").is_file())


def _with_parts(module: ModuleType) -> Iterator[ModuleType]:
    """Yield a module, and those that lie in it if it is a package."""
    yield module
    for part in iter_modules(getattr(module, "__path__", ()), f"{module.__name__}."):
        yield from _with_parts(importlib.import_module(part.name))


def _rules_in(module: ModuleType) -> Iterator[type[Rule]]:
    for member in vars(module).values():
        if not (inspect.isclass(member) and issubclass(member, Rule)):
            continue
        # A leading underscore marks what other rules are made from.
        if member.__module__ == module.__name__ and not member.__name__.startswith("_"):
            yield member


def _mistake(rule: type[Rule]) -> str | None:
    code, tokens = getattr(rule, "code", None), getattr(rule, "tokens", None)
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        return f'needs a code of capital letters and digits, such as "ACME101", not {code!r}'
    if issubclass(rule, MetaRule):
        return "is made from MetaRule, which is for perflint's own comments; use Rule"
    if not isinstance(tokens, tuple) or not tokens or not all(isinstance(t, str) for t in tokens):
        return "needs `tokens`: a tuple of texts, one of which stands in each file it may flag"
    return None


def _together(parts: Sequence[Loaded] | Iterator[Loaded]) -> Loaded:
    parts = list(parts)
    rules = dict.fromkeys(rule for part in parts for rule in part.rules)
    return Loaded(tuple(rules), tuple(problem for part in parts for problem in part.problems))


def _missing(root: Path, module: str) -> str:
    file = module.replace(".", "/")
    return f"no local rules {module}: neither {file}.py nor {file}/__init__.py is in {root}"


def _short(path: str, root: Path | None) -> str:
    if root and Path(path).is_relative_to(root):
        return Path(path).relative_to(root).as_posix()
    return path


@contextmanager
def _leaving_no_trace() -> Iterator[None]:
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
