"""Options that only the environment sets, as `if os.environ.get("DUMP")`: off unless asked for."""

import ast
import re
from typing import Protocol

from .nodes import dotted, is_none

# What launchers set for every process.
_LAUNCHED = re.compile(r"RANK|WORLD_SIZE|^(MASTER|SLURM|OMPI|PMI|TORCHELASTIC|CUDA|NCCL)_|NODE")
_OFF = {"", "0", "false", "no", "off", "none"}
_READS = {"int", "bool", "str", "float", "lower", "strip", "upper"}
_DEEPEST = 4


class _Known(Protocol):
    def stands_for(self, node: ast.AST) -> ast.expr | None:
        """Return what a name is bound to."""


def is_asked_for(test: ast.expr, known: _Known, depth: int = _DEEPEST) -> bool:
    """Whether a condition holds only where a variable of the environment is set to have it so."""
    if not depth:
        return False
    match test:
        case ast.Compare(left=ast.Constant() as name, ops=[ast.In()], comparators=[where]):
            return dotted(where) == "os.environ" and _is_option(name)
        case ast.Compare(left=left, ops=[ast.IsNot()], comparators=[other]) if is_none(other):
            return is_asked_for(left, known, depth - 1)
        case ast.Compare(left=left, ops=[ast.Eq() | ast.In()], comparators=[other]):
            return not _may_be_off(other) and is_asked_for(left, known, depth - 1)
        case ast.Call(func=func, args=[name, *default]) if dotted(func) in (
            "os.environ.get",
            "os.getenv",
        ):
            return _is_option(name) and all(map(_may_be_off, default))
        case ast.Call(func=ast.Name(id=reads), args=[given]) if reads in _READS:
            return is_asked_for(given, known, depth - 1)
        case ast.Call(func=ast.Attribute(attr=reads, value=given), args=[]) if reads in _READS:
            return is_asked_for(given, known, depth - 1)
        case ast.Name():
            stands_for = known.stands_for(test)
            return stands_for is not None and is_asked_for(stands_for, known, depth - 1)
    return False


def _is_option(name: ast.expr) -> bool:
    return isinstance(name, ast.Constant) and not _LAUNCHED.search(str(name.value))


def _may_be_off(node: ast.expr) -> bool:
    """Whether a value, or one of several, is what an option that is off reads as."""
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return any(map(_may_be_off, node.elts))
    return isinstance(node, ast.Constant) and str(node.value).lower() in _OFF
