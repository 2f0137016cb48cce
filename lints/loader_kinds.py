"""Which calls make a data loader: the class of torch under any name, and well-known others."""

import ast
from dataclasses import dataclass

from .bindings import Bindings, How
from .names import Names
from .nodes import Function, dotted, path_of
from .syntax import Syntax

DATA_LOADER = "torch.utils.data.DataLoader"
_TORCH = (
    *("dataset", "batch_size", "shuffle", "sampler", "batch_sampler", "num_workers"),
    *("collate_fn", "pin_memory", "drop_last", "timeout", "worker_init_fn"),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of loaders: its options by place, and what is known of its data.

    All of these pass options that they do not know on to torch's class, and keep its defaults.
    """

    positions: tuple[str, ...] = _TORCH
    pins: bool = True  # whether `pin_memory` reaches what it yields
    in_memory: bool = False  # whether what it reads lies in memory as a rule


_KINDS = {
    DATA_LOADER: Kind(),
    "torchdata.stateful_dataloader.StatefulDataLoader": Kind(),
    "torchdata.stateful_dataloader.stateful_dataloader.StatefulDataLoader": Kind(),
    "webdataset.WebLoader": Kind(),
    "monai.data.DataLoader": Kind(("dataset", "num_workers")),
    "monai.data.dataloader.DataLoader": Kind(("dataset", "num_workers")),
    **dict.fromkeys(
        ("torch_geometric.loader.DataLoader", "torch_geometric.data.DataLoader"),
        Kind(("dataset", "batch_size", "shuffle", "follow_batch", "exclude_keys"), in_memory=True),
    ),
    "dgl.dataloading.GraphDataLoader": Kind(("dataset", "collate_fn"), False, True),
    "dgl.dataloading.DataLoader": Kind(("graph", "indices", "graph_sampler"), False, True),
}

_CLASSES = {name.rsplit(".", 1)[-1] for name in _KINDS}


@dataclass(frozen=True, slots=True)
class Maker:
    """What a called name makes: a kind of loader, with options that are given beforehand."""

    kind: Kind
    before: tuple[ast.Call, ...] = ()  # `partial(DataLoader, ...)`, the nearest first
    readable: bool = True  # whether the call's own options are all that counts


class Makers:
    """Answers which loader a call makes."""

    def __init__(
        self, syntax: Syntax, names: Names, bindings: Bindings, *, any_at_all: bool
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._bindings = bindings
        self._known: dict[ast.Call, Maker | None] = {}
        self._words = _words_for_loaders(syntax) if any_at_all else set()

    @property
    def any(self) -> bool:
        """Whether the file can make loaders at all."""
        return bool(self._words)

    def of(self, call: ast.Call) -> Maker | None:
        """Return how a call makes a loader; None for any other call."""
        last = getattr(call.func, "attr", getattr(call.func, "id", None))
        if last not in self._words and not (self._words and isinstance(call.func, ast.Call)):
            return None
        if call not in self._known:
            self._known[call] = None  # a class that is its own base ends here
            self._known[call] = self._called(call.func)
        return self._known[call]

    def _called(self, func: ast.expr, depth: int = 4) -> Maker | None:
        if name := self._names.of(func):
            kind = _KINDS.get(name)
            return Maker(kind) if kind else None
        if not depth:
            return None
        if isinstance(func, ast.Call):
            return self._partial(func, depth)
        defined = self._names.definition(func)
        if isinstance(defined, ast.ClassDef):
            return self._subclass(defined, depth)
        if defined is None and isinstance(func, ast.Name | ast.Attribute):
            source = self._bound(func)
            if isinstance(source, ast.Call):
                return self._partial(source, depth)
            return self._called(source, depth - 1) if source is not None else None
        return None

    def _partial(self, call: ast.Call, depth: int) -> Maker | None:
        if self._names.of(call.func) != "functools.partial" or not call.args:
            return None
        inner = self._called(call.args[0], depth - 1)
        if inner is None:
            return None
        plain = len(call.args) == 1 and inner.readable
        return Maker(inner.kind, (call, *inner.before), plain)

    def _subclass(self, home: ast.ClassDef, depth: int) -> Maker | None:
        for base in home.bases:
            if maker := self._called(base, depth - 1):
                start = self._names.method(home, "__init__")
                readable = start is None or _passes_all_on(start)
                return Maker(maker.kind, maker.before, maker.readable and readable)
        return None

    def _bound(self, func: ast.expr) -> ast.expr | None:
        """Return what a name is bound to, where that is one thing: `Loader = data.DataLoader`."""
        path = path_of(func)
        if path is None or path[0] in ("self", "cls"):
            return None
        found = self._bindings.reaching(func, path)
        if not found and (home := self._names.home(func, path[0])):
            found = self._bindings.everywhere(home, path)
        if len(found) != 1 or found[0].how is not How.ASSIGN or found[0].path != path:
            return None
        source = found[0].source
        return source if isinstance(source, ast.expr) and not found[0].at else None


def _words_for_loaders(syntax: Syntax) -> set[str]:
    """Return the names under which a file may call what makes a loader."""
    words: set[str] = set()
    derived: list[tuple[str, set[str]]] = []
    kinds = (ast.Attribute, ast.Name, ast.ImportFrom, ast.ClassDef, ast.Assign)
    for node in (each for kind in kinds for each in syntax.nodes(kind)):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) if name in _CLASSES:
                words.add(name)
            case ast.ImportFrom(names=aliases):
                words |= {a.asname or a.name for a in aliases if a.name in _CLASSES}
            case ast.ClassDef(name=name, bases=bases) if bases:
                derived.append((name, set().union(*map(_spelled, bases))))
            case ast.Assign(targets=targets, value=ast.Name() | ast.Attribute() | ast.Call() as of):
                read = of.args[0] if isinstance(of, ast.Call) and of.args else of
                for target in targets:
                    derived += [(name, _spelled(read)) for name in _spelled(target)]
    for _ in range(3 if words else 0):
        words |= {name for name, made_of in derived if made_of & words}
    return words


def _spelled(node: ast.AST) -> set[str]:
    """Return the last part of a name."""
    name = getattr(node, "attr", getattr(node, "id", None))
    return {name} if name else set()


def _passes_all_on(start: Function) -> bool:
    """Whether `__init__` hands `*args, **kwargs` to the base, and nothing else that counts."""
    args = start.args
    if args.vararg is None or args.kwarg is None or len(args.args) > 1:
        return False
    for node in ast.walk(start):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr == "__init__" and not (
            [k.arg for k in node.keywords] == [None]
            and isinstance(node.keywords[0].value, ast.Name)
            and node.keywords[0].value.id == args.kwarg.arg
        ):
            return False
    changed = {dotted(node.value) for node in ast.walk(start) if _stores_item(node)}  # type: ignore[attr-defined]
    return args.kwarg.arg not in changed


def _stores_item(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
