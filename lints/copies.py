"""Copies between host and device: what neighbours say of them, and who reads them too early."""

import ast
from collections.abc import Iterator

from .dataflow import Dataflow
from .names import Names
from .nodes import OWN_TIME, blocks, keyword, path_of, within
from .regions import Regions
from .supplies import called_name
from .syntax import Syntax
from .vocabulary import TENSOR_METHODS, VIEWS

# These read the elements of a tensor on the host.
_READS = (TENSOR_METHODS - VIEWS) | {"numpy", "item", "tolist"}
_READERS = {"float", "int", "bool", "print", "str", "list", "sum", "min", "max", "abs", "round"}
# After these, what was copied before has arrived; reads of other tensors wait for it as well.
_WAITS = ("synchron", "wait", "barrier", "record_event", "query", "elapsed_time")
_BLOCKING = {"item", "tolist", "cpu", "numpy"}


class Copies:
    """Answers whether the code around a copy takes its batch to be pinned."""

    def __init__(self, syntax: Syntax, names: Names, regions: Regions, dataflow: Dataflow) -> None:
        self._names = names
        self._regions = regions
        self._dataflow = dataflow
        self._syntax = syntax
        self._waitless = [
            call
            for call in syntax.calls_to("to", "cuda")
            if is_copy(call) and is_true(keyword(call, "non_blocking"))
        ]

    def believed_pinned(self, copy: ast.Call) -> bool:
        """Whether another part of the batch is copied with `non_blocking=True` in the same code."""
        # Frameworks that prepare loaders have moved their batches already.
        if self._names.imports("accelerate", "lightning", "pytorch_lightning", "deepspeed"):
            return False
        loop, home = self._regions.step_loop(copy), self._syntax.scope(copy)
        return any(
            self._syntax.scope(other) is home
            and self._regions.step_loop(other) is loop
            and isinstance(other.func, ast.Attribute)
            and self._dataflow.value(other.func.value).batch
            for other in self._waitless
        )

    def read_too_early(self, copy: ast.Call) -> ast.AST | None:
        """Return what reads a copy to the host in the same block before anything waits for it."""
        node: ast.AST = copy
        while (outer := self._syntax.parent(node)) is not None:
            match outer:
                case ast.Attribute(attr=attr):
                    call = self._syntax.parent(outer)
                    if not isinstance(call, ast.Call) or call.func is not outer:
                        return None
                    if attr in _READS:
                        return call
                    if attr not in VIEWS:
                        return None
                    node = call
                case ast.Call(func=ast.Name(id=name)) if name in _READERS:
                    return outer
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if value is node:
                    return self._read_after(outer, name)
                case _:
                    return None
        return None

    def _read_after(self, statement: ast.stmt, name: str) -> ast.AST | None:
        parent = self._syntax.parent(statement)
        for block in blocks(parent) if parent else ():
            if statement not in block:
                continue
            for later in block[block.index(statement) + 1 :]:
                if isinstance(later, OWN_TIME):
                    continue
                found = list(self._uses(later, name))
                if any(_waits(node, name) for node in within(later)):
                    return None
                if found:
                    return found[0]
                if _binds(later, name):
                    return None
        return None

    def _uses(self, statement: ast.stmt, name: str) -> Iterator[ast.AST]:
        """Yield what in a statement reads the elements of a tensor."""
        for node in within(statement):
            match node:
                case ast.Call(func=ast.Attribute(attr=attr, value=owner)) if attr in _READS:
                    if path_of(owner) == (name,):
                        yield node
                case ast.Call(func=ast.Name(id=reader), args=[ast.Name(id=read), *_]):
                    if reader in _READERS and read == name:
                        yield node
                case ast.BinOp(left=left, right=right):
                    if any(isinstance(s, ast.Name) and s.id == name for s in (left, right)):
                        yield node


def _waits(node: ast.AST, name: str) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = called_name(node)
    if any(word in called for word in _WAITS):
        return True
    owner = path_of(node.func.value) if isinstance(node.func, ast.Attribute) else None
    return called in _BLOCKING and owner is not None and owner[0] != name


def _binds(statement: ast.stmt, name: str) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)
        for node in within(statement)
    )


def to_host(call: ast.Call) -> bool:
    """Whether this is `x.to("cpu", non_blocking=True)`."""
    if not is_copy(call) or not is_true(keyword(call, "non_blocking")):
        return False
    match keyword(call, "device") or next(iter(call.args), None):
        case ast.Constant(value=str() as device):
            return device.startswith("cpu")
        case ast.Call(args=[ast.Constant(value=str() as device)]) as made:
            return called_name(made) == "device" and device.startswith("cpu")
    return False


def is_copy(call: ast.Call) -> bool:
    """Whether this may be `x.to(device)` or `x.cuda()`."""
    return isinstance(call.func, ast.Attribute) and call.func.attr in ("to", "cuda")


def is_true(node: ast.expr | None) -> bool:
    """Whether this is a literal `True`."""
    return isinstance(node, ast.Constant) and node.value is True
