"""Which datasets need no worker processes: they lie in memory, or load in threads of their own."""

import ast
import re

from .bindings import Bindings, How
from .names import Names
from .nodes import path_of

_KEPT = {"TensorDataset", "HFTensorDataset"}
_PARTS = {"Subset", "random_split", "ConcatDataset", "list", "tuple", "sorted"}
_LISTS = {"range", "torch.arange", "numpy.arange", "torch.randperm", "torch.tensor", "enumerate"}
_IDS = re.compile(r"(^|_)(idx|ids|nids?|eids?|indices|index|perm|permutation)$", re.IGNORECASE)
_STREAM = re.compile(r"Iterable|Stream|DataPipe|WebDataset", re.ASCII)
# Made up on the spot, for a demo or for a trial run.
_MADE_UP = re.compile(r"Random\w*Data|Dummy|Fake|Synthetic", re.ASCII)


class Memory:
    """Answers where a dataset keeps its data."""

    def __init__(self, names: Names, bindings: Bindings) -> None:
        self._names = names
        self._bindings = bindings

    def holds(self, dataset: object, depth: int = 4) -> bool:
        """Whether a dataset may be one of those; a name that can be several things counts."""
        if not isinstance(dataset, ast.expr) or not depth:
            return False
        match dataset:
            case ast.List() | ast.ListComp() | ast.Tuple() | ast.Constant():
                return True
            case ast.Call():
                return self._made(dataset, depth)
            case ast.IfExp(body=body, orelse=orelse):
                return self.holds(body, depth - 1) or self.holds(orelse, depth - 1)
            case ast.Subscript(value=value) if not isinstance(value, ast.Name | ast.Attribute):
                return self.holds(value, depth - 1)
            case ast.Name(id=name) | ast.Attribute(attr=name) if _IDS.search(name):
                return True
        sources = self._sources(dataset)
        # Beside real data, what is made up is a trial run.
        real = [s for s in sources if not (isinstance(s, ast.Call) and _is_made_up(s))]
        return any(self.holds(source, depth - 1) for source in real) or (not real and bool(sources))

    def is_of_tensors(self, dataset: object, depth: int = 4) -> bool:
        """Whether a dataset is certainly a `TensorDataset`, or a part of one."""
        if not isinstance(dataset, ast.expr) or not depth:
            return False
        if isinstance(dataset, ast.Call):
            name = self._names.of(dataset.func) or self._names.builtin(dataset.func) or ""
            last = name.rsplit(".", 1)[-1]
            parts = last in _PARTS and dataset.args
            return last in _KEPT or bool(parts and self.is_of_tensors(dataset.args[0], depth - 1))
        sources = self._sources(dataset)
        return bool(sources) and all(self.is_of_tensors(each, depth - 1) for each in sources)

    def is_index(self, dataset: object) -> bool:
        """Whether a dataset is a list of numbers: what they stand for lies elsewhere."""
        match dataset:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return bool(_IDS.search(name))
            case ast.Call(func=func):
                return (self._names.of(func) or self._names.builtin(func)) in _LISTS
        return False

    def _made(self, call: ast.Call, depth: int) -> bool:
        name = self._names.of(call.func) or self._names.builtin(call.func) or ""
        last = name.rsplit(".", 1)[-1]
        if last in _KEPT or name in _LISTS or _STREAM.search(last) or _is_made_up(call):
            return True
        if last in _PARTS and call.args:
            return self.holds(call.args[0], depth - 1)
        made = self._names.definition(call.func)
        if not isinstance(made, ast.ClassDef):
            return False
        if _STREAM.search(made.name) or any(_STREAM.search(b) for b in self._names.bases(made)):
            return True
        item = self._names.method(made, "__getitem__")
        return item is not None and _only_indexes(item)

    def _sources(self, node: ast.expr) -> list[ast.AST]:
        path = path_of(node)
        if path is None:
            return []
        found = self._bindings.reaching(node, path)
        if not found and (home := self._names.home(node, path[0])):
            found = self._bindings.everywhere(home, path)
        assigned = (b for b in found if b.how is How.ASSIGN and b.path == path)
        return [binding.source for binding in assigned if binding.source is not None]


def _is_made_up(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return bool(_MADE_UP.search(name))


def _only_indexes(function: ast.AST) -> bool:
    """Whether `__getitem__` does no more than `return self.x[i], self.y[i]`."""
    match function:
        case ast.FunctionDef(body=[*_, ast.Return(value=ast.Tuple(elts=parts))]):
            pass
        case ast.FunctionDef(body=[*_, ast.Return(value=ast.expr() as part)]):
            parts = [part]
        case _:
            return False
    steps = [
        s for s in function.body[:-1] if not isinstance(getattr(s, "value", None), ast.Constant)
    ]
    return not steps and all(
        isinstance(part, ast.Subscript) and path_of(part.value) for part in parts
    )
