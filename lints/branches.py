"""What a branch does to the steps after it: ends the run, skips the rest, starts over, warns."""

import ast
from collections.abc import Iterator, Sequence
from typing import TypeGuard

from .guards import Seldom
from .nodes import Block, dotted, is_none

_EXITS = {"sys.exit", "exit", "quit", "os._exit", "os.abort"}


def leaves_for_good(block: Block, *, in_loop: bool) -> Seldom | None:
    """Say how a block ends the run of the loop: raise, exit, and in a loop break and return."""
    if not block:
        return None
    match block[-1]:
        case ast.Raise():
            return Seldom.ERROR
        case ast.Expr(value=ast.Call(func=func)):
            return Seldom.ERROR if dotted(func) in _EXITS else None
        case ast.Break() | ast.Return():
            return Seldom.ONCE if in_loop else None
    return None


def starts_over(test: ast.expr, body: Block) -> bool:
    """Whether a branch resets what its condition counts: `if n >= 100: n = 0`."""
    match test:
        case ast.Compare(left=left, ops=[ast.Gt() | ast.GtE() | ast.Eq()]):
            pass
        case _:
            return False
    terms = [left.left, left.right] if isinstance(left, ast.BinOp) else [left]
    counted = {ast.unparse(term): term for term in terms if dotted(term)}
    for statement in body:
        match statement:
            case ast.Assign(targets=[target], value=value) if ast.unparse(target) in counted:
                # Back to 0, or, in `if step - last >= 100: last = step`, up to now.
                if isinstance(value, ast.Constant) and value.value == 0:
                    return True
                if ast.unparse(value) in counted:
                    return True
    return False


def stops_itself(branch: ast.If, loops: Sequence[ast.AST]) -> bool:
    """Whether a branch ends what lets it run, as `if not logged: logged = True`, and for good."""
    test, after = branch.test, False
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, after = test.operand, True
    flag = dotted(test)
    # A local name does not outlive the function, only turns of a loop.
    if flag is None or not (loops or "." in flag):
        return False
    if not any(_sets(statement, flag, after) for statement in branch.body):
        return False
    # A flag that a loop takes back may hold in the next step again.
    return not any(_sets(node, flag, not after) for loop in loops[-1:] for node in ast.walk(loop))


def remembers(branch: ast.If, *, in_body: bool) -> bool:
    """Whether a branch stores what its condition asks for, and so is not taken again at once.

    As in `if self.mask is None: self.mask = ...`, or `if self.size == n: ... else: self.size = n`.
    """
    kept = {
        path
        for statement in (branch.body if in_body else branch.orelse)
        for path in _kept(statement)
    }
    if not kept:
        return False
    test: ast.expr = branch.test
    if in_body:
        parts = test.values if _is_of(test, ast.Or) else [test]
        return all(_asks_for_change(part, kept) for part in parts)
    parts = test.values if _is_of(test, ast.And) else [test]
    return all(_asks_for_match(part, kept) for part in parts)


def _kept(statement: ast.stmt) -> Iterator[str]:
    """Yield the attributes of `self` that a statement gives another value, or an entry."""
    if not isinstance(statement, ast.Assign) or is_none(statement.value):
        return
    for target in statement.targets:
        owner = target.value if isinstance(target, ast.Subscript) else target
        path = dotted(owner)
        if path and path.startswith("self.") and path not in _read(statement.value):
            yield path


def _asks_for_change(test: ast.expr, kept: set[str]) -> bool:
    match test:
        case ast.Compare(left=left, ops=[ast.NotEq() | ast.NotIn()], comparators=[right]):
            return bool((_read(left) | _read(right)) & kept)
        case ast.Compare(left=left, ops=[ast.Is()], comparators=[right]):
            return is_none(right) and dotted(left) in kept
        case ast.Compare(left=left, ops=[ast.Lt() | ast.Gt()], comparators=[right]):
            # As of `self.mask.size(0) < n`; what is compared itself may go on falling.
            inside = not {dotted(left), dotted(right)} & kept
            return inside and bool((_read(left) | _read(right)) & kept)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _asks_for_match(operand, kept) or dotted(operand) in kept
    return False


def _asks_for_match(test: ast.expr, kept: set[str]) -> bool:
    match test:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.In()], comparators=[right]):
            return bool((_read(left) | _read(right)) & kept)
        case ast.Compare(left=left, ops=[ast.IsNot()], comparators=[right]):
            return is_none(right) and dotted(left) in kept
        case ast.Call(func=ast.Name(id="hasattr"), args=[owner, ast.Constant(value=str() as name)]):
            return f"{dotted(owner)}.{name}" in kept
    return False


def _is_of(test: ast.expr, op: type[ast.boolop]) -> TypeGuard[ast.BoolOp]:
    return isinstance(test, ast.BoolOp) and isinstance(test.op, op)


def _read(node: ast.expr) -> set[str]:
    """Return the attributes that an expression reads, and parts of them."""
    return {path for inner in ast.walk(node) if (path := dotted(inner)) and "." in path}


def _sets(node: ast.AST, flag: str, to: bool) -> bool:
    match node:
        case ast.Assign(targets=[target], value=ast.Constant(value=bool() as value)):
            return value is to and dotted(target) == flag
    return False


def warns(block: Block) -> bool:
    """Whether a branch tells people why it was taken: `print("out of range")`, `logger.warning`."""
    for statement in block[:2]:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
                return True
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="warn" | "warning" | "info"))):
                return True
    return False


def skips(block: Block) -> bool:
    """Whether a block leaves the rest of the iteration, or of the function, out."""
    return bool(block) and isinstance(block[-1], (ast.Continue, ast.Return, ast.Break))
