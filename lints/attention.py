"""Finds attention that is written out: softmax of a product of queries and keys, times values."""

import ast
from collections.abc import Iterator

from .bindings import Bindings, How
from .names import Names
from .nodes import path_of
from .supplies import called_name
from .syntax import Syntax

_PRODUCTS = {"matmul", "bmm", "baddbmm", "einsum"}
_TURNS = ("transpose", "swapaxes", "permute", "mT", ".T", ".t()", "einsum")
# Chains longer than this are no longer one attention.
_MOST = 60


class Attention:
    """Answers which product of a file applies attention weights that it computed itself."""

    def __init__(self, syntax: Syntax, names: Names, bindings: Bindings) -> None:
        self._syntax = syntax
        self._names = names
        self._bindings = bindings

    def is_written_out(self, node: ast.AST) -> bool:
        """Whether this is `softmax(q @ k.transpose(-2, -1)) @ v`, in one expression or several."""
        weights = _left(node)
        if weights is None:
            return False
        for softmax in self._behind(weights, _is_softmax):
            scores = softmax.args[0] if softmax.args else getattr(softmax.func, "value", None)
            if scores is not None and self._is_product_of_keys(scores):
                return not self._is_kept(weights)
        return False

    def _is_product_of_keys(self, scores: ast.expr) -> bool:
        products = self._behind(scores, lambda node: _left(node) is not None)
        return any(word in ast.unparse(p) for p in products for word in _TURNS)

    def _is_kept(self, weights: ast.expr) -> bool:
        """Whether the weights are given to somebody else: then they must be computed."""
        if not isinstance(weights, ast.Name):
            return False
        home = self._syntax.scope(weights)
        for node in ast.walk(home):
            if isinstance(node, ast.Name) and node.id == weights.id and node is not weights:
                parent = self._syntax.parent(node)
                if isinstance(parent, ast.Return | ast.Tuple | ast.Dict | ast.List | ast.keyword):
                    return True
                if isinstance(parent, ast.Call) and called_name(parent) == "append":
                    return True
                if isinstance(parent, ast.Assign) and parent.value is node:
                    return True
        return False

    def _behind(self, node: ast.AST, wanted: object) -> Iterator[ast.Call]:
        """Yield what an expression is made of, through names, down to the first that fits."""
        stack, seen = [node], 0
        visited: set[ast.AST] = set()
        while stack and seen < _MOST:
            at = stack.pop()
            seen += 1
            if at in visited:
                continue
            visited.add(at)
            if callable(wanted) and wanted(at):
                yield at  # type: ignore[misc]
                continue
            match at:
                case ast.Name() if path := path_of(at):
                    found = self._bindings.reaching(at, path)
                    assigned = [b for b in found if b.how is How.ASSIGN and not b.at]
                    stack += [b.source for b in assigned if b.source is not None]
                case ast.Call(func=func, args=args):
                    owner = [func.value] if isinstance(func, ast.Attribute) else []
                    stack += [*args, *owner]
                case ast.BinOp(left=left, right=right):
                    stack += [left, right]
                case ast.Subscript(value=value) | ast.Attribute(value=value):
                    stack.append(value)


def _is_softmax(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and called_name(node) == "softmax"


def _left(node: ast.AST) -> ast.expr | None:
    """Return the first factor of a matrix product."""
    match node:
        case ast.BinOp(op=ast.MatMult(), left=left):
            return left
        case ast.Call(func=ast.Attribute(value=owner, attr="matmul" | "bmm"), args=[_]):
            return owner
        case ast.Call(args=[ast.Constant(), first, _, *_]) if called_name(node) == "einsum":
            return first
        case ast.Call(args=[first, _]) if called_name(node) in _PRODUCTS:
            return first
    return None
