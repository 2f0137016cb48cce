"""Whether code runs whatever happens, or only where an option, a check or an error says so."""

import ast
import re

from .branches import skips
from .names import Names
from .nodes import Function, blocks
from .regions import Regions
from .syntax import Syntax

_DEBUG = re.compile(r"debug|anomaly|profil|trace|test|bench|determinis|reproduc|seed", re.I)
# What only asks where the program runs: true in every step, or in none.
_SETTING = re.compile(
    r"dist|world|gpu|rank|cuda|xpu|mps|device|initialized|process|master|sync_grad|ddp|parallel"
    r"|accelerat|accum|multi|fsdp|deepspeed|training|requires_grad|is not None",
    re.IGNORECASE,
)
_SET_UP = re.compile(r"prealloc|warm_?up|set_?up|prepare", re.IGNORECASE)


def always_runs(syntax: Syntax, node: ast.AST) -> bool:
    """Whether nothing but calling the function around it decides whether a node runs."""
    for child, parent in syntax.ancestors(node):
        match parent:
            case ast.If(test=test) if child is not test and not _is_main(test):
                return False
            case ast.IfExp(test=test) if child is not test:
                return False
            case ast.BoolOp(values=[first, *_]) if child is not first:
                return False
            case ast.ExceptHandler() | ast.Match() | ast.Lambda():
                return False
            case ast.FunctionDef() | ast.AsyncFunctionDef() if _DEBUG.search(parent.name):
                return False
        if _left_before(parent, child):
            return False
    return True


def by_choice(
    syntax: Syntax, names: Names, regions: Regions, node: ast.AST, depth: int = 3
) -> bool:
    """Whether an option or the data decides, in the step or in its callers, that a node runs."""
    for child, parent in syntax.ancestors(node):
        if regions.is_step_loop(parent):
            around = (block for _, block in syntax.ancestors(parent))
            return any(isinstance(block, ast.With) and _profiles(block) for block in around)
        if isinstance(parent, ast.If) and child is not parent.test and _asks(parent):
            return True
        if isinstance(parent, ast.With) and _profiles(parent):
            return True
        if isinstance(parent, Function):
            callers = [c for c in names.callers(parent) if depth and regions.hot(c)]
            asked = [by_choice(syntax, names, regions, call, depth - 1) for call in callers]
            return bool(_SET_UP.search(parent.name)) or (bool(asked) and all(asked))
    return False


def _left_before(parent: ast.AST, child: ast.AST) -> bool:
    """Whether an earlier `if ...: return` of the same block may keep the child from running."""
    if isinstance(parent, (ast.Module, ast.ClassDef)):
        return False
    for block in blocks(parent):
        if child in block:
            before = block[: block.index(child)]
            return any(isinstance(s, ast.If) and skips(s.body) for s in before)
    return False


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and "__name__" in ast.unparse(test)


def _asks(branch: ast.If) -> bool:
    """Whether a condition asks for more than where the program runs, or holds but once."""
    if not _SETTING.search(ast.unparse(branch.test)):
        return True
    parts = [n for n in ast.walk(branch.test) if isinstance(n, (ast.Attribute, ast.Name))]
    asked = {ast.unparse(part) for part in parts}
    stored = (s for s in branch.body if isinstance(s, ast.Assign))
    return any(ast.unparse(target) in asked for s in stored for target in s.targets)


def _profiles(block: ast.With) -> bool:
    """Whether a block is there to be measured."""
    return any("profile" in ast.unparse(item.context_expr) for item in block.items)
