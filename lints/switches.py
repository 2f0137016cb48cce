"""Switches of PyTorch that a program sets: by a call, or by assigning to an attribute."""

import ast

from .names import Names
from .nodes import keyword
from .syntax import Syntax


def assigned(syntax: Syntax, names: Names, switch: str) -> list[tuple[ast.expr, ast.expr]]:
    """Return (target, value) of all assignments to a switch such as `torch.x.enabled`."""
    return [
        (target, statement.value)
        for statement in syntax.nodes(ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Attribute) and names.of(target) == switch
    ]


def literal(call: ast.Call, name: str) -> object:
    """Return what a call passes as its first argument, or as `name=`; Ellipsis if no literal."""
    given = keyword(call, name) or next(iter(call.args), None)
    return given.value if isinstance(given, ast.Constant) else ...
