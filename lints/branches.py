"""What a branch does to the steps after it: ends the run, skips the rest, starts over, warns."""

import ast
from collections.abc import Sequence

from .flags import Seldom
from .nodes import Block, dotted

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
