"""Which assignments can have given a name its value at a place, by looking backwards from it."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from .nodes import OWN_TIME, Block, Function, path_of, within
from .passages import Passages
from .syntax import Syntax

Path = tuple[str, ...]

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# Where statements, and what holds some, stand below others.
_BLOCKS: dict[type[ast.AST], tuple[str, ...]] = {
    **dict.fromkeys((ast.If, ast.For, ast.AsyncFor, ast.While), ("body", "orelse")),
    **dict.fromkeys((ast.With, ast.AsyncWith, ast.ExceptHandler, ast.match_case), ("body",)),
    **dict.fromkeys((ast.Try, ast.TryStar), ("body", "handlers", "orelse", "finalbody")),
    ast.Match: ("cases",),
}


class How(Enum):
    """How a binding gives its value."""

    ASSIGN = "assign"  # the value of `source`
    AUGMENT = "augment"  # `source` is the whole `x += y`
    ITEM = "item"  # an element of `source`
    ENTER = "enter"  # `with source as x`
    REST = "rest"  # what `*rest` takes of `source`
    PARAMETER = "parameter"  # of `site`
    OTHER = "other"  # import, def, except: nothing we can follow


@dataclass(frozen=True, slots=True)
class Binding:
    """One place that binds a path; `at` are the positions it takes out of a tuple."""

    path: Path
    how: How
    site: ast.AST
    source: ast.AST | None = None
    at: tuple[int | None, ...] = ()


class Bindings:
    """Finds bindings of paths: names with attributes and constant keys, as `out["loss"].data`."""

    def __init__(self, syntax: Syntax) -> None:
        self._syntax = syntax
        self._naming = {syntax.statement(each) for each in syntax.nodes(ast.NamedExpr)}
        self._made: dict[ast.AST, list[Binding]] = {}
        self._by_name: dict[ast.AST, dict[str, list[Binding]]] = {}
        self._of_scope: dict[ast.AST, dict[Path, list[Binding]]] = {}
        self._of_class: dict[ast.AST, dict[Path, list[Binding]]] = {}
        self._reaching: dict[tuple[ast.AST, Path], list[Binding]] = {}
        self._passages = Passages(lambda statement: (each.path for each in self._by(statement)))

    def reaching(self, node: ast.AST, path: Path) -> list[Binding]:
        """Return the bindings of a path, or of a start of it, that can hold at a node.

        An empty list says that the function around the node does not bind it.
        """
        found: list[Binding] = []
        for child, parent in self._syntax.ancestors(node):
            if isinstance(child, ast.stmt):
                # From here on, all that stands in a statement is answered alike.
                return found + self._reaching_statement(child, path)
            if isinstance(parent, _COMPREHENSIONS):
                items = self._of_comprehension(parent, path)
                if items and child is not parent.generators[0]:
                    return found + items
            elif isinstance(parent, ast.Lambda) and child is parent.body:
                self._of_header(child, parent, path, found)
                break
        return found

    def _reaching_statement(self, statement: ast.stmt, path: Path) -> list[Binding]:
        """Return what can hold before a statement; the answers for those around it are kept."""
        inner: list[tuple[ast.stmt, list[Binding]]] = []
        around: list[Binding] = []
        scope = self._syntax.scope(statement)
        for child, parent in self._syntax.ancestors(statement):
            if isinstance(child, ast.stmt):
                if (child, path) in self._reaching:
                    around = self._reaching[child, path]
                    break
                inner.append((child, []))
            found = inner[-1][1]
            if self._before(child, path, found) or self._of_header(child, parent, path, found):
                break
            if parent is scope or isinstance(parent, ast.Module):
                break
        for child, found in reversed(inner):
            around = self._reaching[child, path] = found + around
        return around

    def everywhere(self, scope: ast.AST, path: Path) -> list[Binding]:
        """Return all bindings of exactly this path in a scope, wherever they stand."""
        if scope not in self._of_scope:
            self._of_scope[scope] = self._collect(scope)
        return self._of_scope[scope].get(path, [])

    def of_methods(
        self, home: ast.ClassDef, methods: Sequence[Function], path: Path
    ) -> list[Binding]:
        """Return all bindings of exactly this path in all the methods of a class."""
        if home not in self._of_class:
            by_path: dict[Path, list[Binding]] = {}
            for method in methods:
                self.everywhere(method, path)
                for each, bound in self._of_scope[method].items():
                    by_path.setdefault(each, []).extend(bound)
            self._of_class[home] = by_path
        return self._of_class[home].get(path, [])

    def _collect(self, scope: ast.AST) -> dict[Path, list[Binding]]:
        body = getattr(scope, "body", [])
        found = [b for s in (body if isinstance(body, list) else []) for b in self._inside(s)]
        if isinstance(scope, (Function, ast.Lambda)):
            found += _of_parameters(scope)
        by_path: dict[Path, list[Binding]] = {}
        for binding in found:
            by_path.setdefault(binding.path, []).append(binding)
        return by_path

    def _before(self, child: ast.AST, path: Path, found: list[Binding]) -> bool:
        """Look through the statements before `child`, the nearest first; True ends the search."""
        place = self._syntax.place(child)
        return place is not None and self._through(*place, path, found)

    def _through(self, block: Block, at: int, path: Path, found: list[Binding]) -> bool:
        before = self._passages.before(block, at, path)
        return any(self._statement(statement, path, found) for statement in before)

    def _statement(self, statement: ast.stmt, path: Path, found: list[Binding]) -> bool:
        """Collect what a statement binds; True where it binds the path on every way through it."""
        match statement:
            case ast.If(body=body, orelse=orelse):
                here = [self._branch(block, path, found) for block in (body, orelse)]
                return all(here) or self._simple(statement, path, found)
            case ast.With(body=body) | ast.AsyncWith(body=body):
                inside = self._through(body, len(body), path, found)
                return inside or self._simple(statement, path, found)
            case ast.Try(handlers=[_, *_], finalbody=[]) if self._tried(statement, path, found):
                return True
            case ast.For() | ast.AsyncFor() | ast.While() | ast.Try() | ast.TryStar() | ast.Match():
                found += self._bound_within(statement, path)
                return False
        return self._simple(statement, path, found)

    def _tried(self, statement: ast.Try, path: Path, found: list[Binding]) -> bool:
        """Collect what binds the path on every way through `try`: its body and all handlers do."""
        bound: list[Binding] = []
        orelse, tried = statement.orelse, statement.body
        body = bool(orelse) and self._through(orelse, len(orelse), path, bound)
        body = body or self._through(tried, len(tried), path, bound)
        handled = [self._branch(handler.body, path, bound) for handler in statement.handlers]
        if not body or not all(handled):
            return False
        found += bound
        return True

    def _branch(self, block: Block, path: Path, found: list[Binding]) -> bool:
        if block and isinstance(block[-1], (ast.Raise, ast.Return, ast.Continue, ast.Break)):
            return True  # what this branch binds never arrives
        return self._through(block, len(block), path, found)

    def _simple(self, statement: ast.stmt, path: Path, found: list[Binding]) -> bool:
        bound = [b for b in self._by(statement) if _starts(path, b.path)]
        found += bound
        return bool(bound)

    def _of_header(self, child: ast.AST, parent: ast.AST, path: Path, found: list[Binding]) -> bool:
        match parent:
            case ast.For(body=body) | ast.AsyncFor(body=body) | ast.While(body=body):
                place = self._syntax.place(child)
                if place is None or place[0] is not body:
                    return False
                if self._simple(parent, path, found):
                    return True
                # What the rest of the loop binds comes round with the next turn.
                for later in self._passages.since(*place, path):
                    found += self._bound_within(later, path)
            case ast.With(body=body) | ast.AsyncWith(body=body):
                return self._syntax.in_block(child, body) and self._simple(parent, path, found)
            case ast.Try(body=body) if not self._syntax.in_block(child, body):
                for statement in self._passages.since(body, 0, path):
                    found += self._bound_within(statement, path)
            case ast.ExceptHandler(name=name) if name == path[0]:
                found.append(Binding((name,), How.OTHER, parent))
                return True
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                runs = parent.body
                if child is runs or self._syntax.in_block(child, runs):
                    bound = [b for b in _of_parameters(parent) if _starts(path, b.path)]
                    found += bound
                    return bool(bound)
        return False

    def _bound_within(self, statement: ast.AST, path: Path) -> list[Binding]:
        """Return what binds a path, or a start of it, in a statement and the blocks below it."""
        if statement not in self._by_name:
            by_name: dict[str, list[Binding]] = {}
            for binding in self._inside(statement):
                by_name.setdefault(binding.path[0], []).append(binding)
            self._by_name[statement] = by_name
        bound = self._by_name[statement].get(path[0], ())
        return [binding for binding in bound if _starts(path, binding.path)]

    def _inside(self, statement: ast.AST) -> Iterator[Binding]:
        """Yield every binding in a statement and in the blocks below it."""
        if isinstance(statement, (Function, ast.ClassDef)):
            yield from self._by(statement)
            return
        stack = [statement]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.stmt):
                yield from self._by(node)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                yield Binding((node.name,), How.OTHER, node)
            for field in _BLOCKS.get(type(node), ()):
                stack += (each for each in getattr(node, field) if not isinstance(each, OWN_TIME))

    def _by(self, statement: ast.AST) -> list[Binding]:
        if statement not in self._made:
            bound = list(_bound_by(statement))
            if statement in self._naming:
                bound += _named_within(statement)
            self._made[statement] = bound
        return self._made[statement]

    def _of_comprehension(self, node: ast.AST, path: Path) -> list[Binding]:
        generators: list[ast.comprehension] = getattr(node, "generators", [])
        return [
            binding
            for generator in generators
            for binding in _targets(generator.target, How.ITEM, generator, generator.iter)
            if _starts(path, binding.path)
        ]


def _bound_by(statement: ast.AST) -> Iterator[Binding]:
    """Yield what a statement itself binds, without the blocks below it."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _targets(target, How.ASSIGN, statement, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from _targets(target, How.ASSIGN, statement, value)
        case ast.AugAssign(target=target):
            yield from _targets(target, How.AUGMENT, statement, statement)
        case ast.For(target=target, iter=source) | ast.AsyncFor(target=target, iter=source):
            yield from _targets(target, How.ITEM, statement, source)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                if item.optional_vars:
                    yield from _targets(item.optional_vars, How.ENTER, statement, item.context_expr)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield Binding((name,), How.OTHER, statement)
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            for alias in aliases:
                name = alias.asname or alias.name.split(".")[0]
                yield Binding((name,), How.OTHER, statement)
        case ast.Delete(targets=targets):
            for target in targets:
                yield from _targets(target, How.OTHER, statement, None)
        case ast.Match():
            for node in ast.walk(statement):
                if isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
                    yield Binding((node.name,), How.OTHER, statement)


def _named_within(statement: ast.AST) -> Iterator[Binding]:
    """Yield what `:=` binds in the expressions of a statement itself."""
    if isinstance(statement, (Function, ast.ClassDef)):
        return
    for child in ast.iter_child_nodes(statement):
        for node in within(child) if isinstance(child, ast.expr) else ():
            if isinstance(node, ast.NamedExpr):
                yield from _targets(node.target, How.ASSIGN, statement, node.value)


def _targets(
    target: ast.expr,
    how: How,
    site: ast.AST,
    source: ast.AST | None,
    at: tuple[int | None, ...] = (),
) -> Iterator[Binding]:
    if isinstance(target, (ast.Tuple, ast.List)):
        starred = False
        for number, element in enumerate(target.elts):
            starred = starred or isinstance(element, ast.Starred)
            yield from _targets(element, how, site, source, (*at, None if starred else number))
    elif isinstance(target, ast.Starred):
        rest = How.REST if how is How.ASSIGN else How.OTHER
        yield from _targets(target.value, rest, site, source, at)
    elif path := path_of(target):
        yield Binding(path, how, site, source, at)


def _of_parameters(function: Function | ast.Lambda) -> list[Binding]:
    args = function.args
    plain = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    found = [Binding((arg.arg,), How.PARAMETER, function, arg) for arg in plain]
    if args.kwarg:
        found.append(Binding((args.kwarg.arg,), How.PARAMETER, function, args.kwarg))
    if args.vararg:
        found.append(Binding((args.vararg.arg,), How.OTHER, function))
    return found


def _starts(path: Path, bound: Path) -> bool:
    """Whether binding `bound` changes what `path` leads to."""
    return path[: len(bound)] == bound
