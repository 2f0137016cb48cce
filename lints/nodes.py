"""Small questions to nodes of the stdlib syntax tree, which need nothing but the node."""

import ast
import warnings
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.AsyncFor | ast.While
Block = list[ast.stmt]

# What has a body of its own that runs at another time than the code around it.
OWN_TIME = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)

# Statements that hold no others.
_SIMPLE = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Raise, ast.Pass)

# Fields that hold no nodes, or nodes that all trees share: contexts and operators.
_NO_NODES = {
    *("ctx", "op", "ops", "id", "attr", "arg", "name", "module", "level", "kind", "type_comment"),
    *("is_async", "simple", "conversion", "asname", "rest", "kwd_attrs", "names", "tag", "lineno"),
}


def _fields(node_type: type[ast.AST]) -> tuple[str, ...]:
    if node_type is ast.Constant:
        return ()
    if issubclass(node_type, ast.arg):
        return ("annotation",)
    if issubclass(node_type, ast.Import | ast.ImportFrom):
        return ("names",)
    return tuple(field for field in node_type._fields if field not in _NO_NODES)


FIELDS = {
    member: _fields(member)
    for member in vars(ast).values()
    if isinstance(member, type) and issubclass(member, ast.AST)
}


def parsed(source: str) -> ast.Module:
    """Parse a text. What is no Python raises SyntaxError, ValueError or RecursionError."""
    with warnings.catch_warnings():
        # A bad escape in the user's code is not ours to print.
        warnings.simplefilter("ignore")
        return ast.parse(source)


def children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes right below this one, without contexts and operators."""
    for field in FIELDS[type(node)]:
        value = getattr(node, field)
        if type(value) is list:
            for child in value:
                if child is not None:
                    yield child
        elif isinstance(value, ast.AST):
            yield value


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield this node and all below it, without contexts and operators."""
    stack = [node]
    while stack:
        at = stack.pop()
        yield at
        stack.extend(children(at))


def within(node: ast.AST) -> Iterator[ast.AST]:
    """Yield this node and all below it that run at the same time, so no nested function's body."""
    stack = [node]
    while stack:
        at = stack.pop()
        yield at
        stack.extend(child for child in children(at) if not isinstance(child, OWN_TIME))


def own_statements(function: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements of a body and of the blocks in it, nested functions left out.

    No expression is looked at, which makes this far quicker than `within`.
    """
    waiting: Block = getattr(function, "body", [])[::-1]
    while waiting:
        statement = waiting.pop()
        if isinstance(statement, OWN_TIME):
            continue
        yield statement
        if not isinstance(statement, _SIMPLE):
            waiting += [inner for block in blocks(statement) for inner in block][::-1]


def returns_of(function: ast.AST) -> list[ast.Return]:
    """Return the statements that end a function with a value or none, in the order of the text."""
    return [each for each in own_statements(function) if isinstance(each, ast.Return)]


def blocks(statement: ast.AST) -> Iterator[Block]:
    """Yield the blocks of a compound statement."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(statement, field, None)
        if isinstance(block, list):
            yield block
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body


def dotted(node: ast.AST) -> str | None:
    """Return `a.b.c` for a chain of attributes that starts at a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    if not parts:
        return node.id
    return ".".join([node.id, *reversed(parts)])


def path_of(node: ast.AST) -> tuple[str, ...] | None:
    """Return the steps of `a.b["c"][0]`, from the name on; None where a step is computed."""
    steps: list[str] = []
    while True:
        match node:
            case ast.Attribute(value=value, attr=attr):
                steps.append("." + attr)
                node = value
            case ast.Subscript(value=value, slice=ast.Constant(value=str() | int() as key)):
                steps.append(f"[{key!r}]")
                node = value
            case ast.Name(id=name):
                return (name, *reversed(steps))
            case _:
                return None


def literal_text(node: ast.expr) -> str:
    """Return the literal parts of a text: of `"%s" * 2 + "%d"`, both; nothing where it is none."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.BinOp(left=left, op=ast.Add() | ast.Mult(), right=right):
            return literal_text(left) + literal_text(right)
    return ""


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return what a call passes as `name=`."""
    return next((k.value for k in call.keywords if k.arg == name), None)


def default_of(function: Function, name: str) -> ast.expr | None:
    """Return the default of a parameter; None where it has none."""
    args = function.args
    plain = [*args.posonlyargs, *args.args]
    pairs = dict(
        zip((a.arg for a in plain[len(plain) - len(args.defaults) :]), args.defaults, strict=True)
    )
    pairs |= {
        arg.arg: value
        for arg, value in zip(args.kwonlyargs, args.kw_defaults, strict=True)
        if value is not None
    }
    return pairs.get(name)


def is_none(node: ast.AST | None) -> bool:
    """Whether a node is the literal None."""
    return isinstance(node, ast.Constant) and node.value is None


def is_abstract(function: Function) -> bool:
    """Whether a function leaves all to others: `pass`, `...`, `raise NotImplementedError`."""
    return all(map(_does_nothing, function.body))


def _does_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, (ast.Pass, ast.Raise))
