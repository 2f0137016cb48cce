"""PFL206 python-object-dataset."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..nodes import path_of
from ..rule import Rule


class PythonObjectDataset(Rule):
    """A dataset keeps its samples in a list or a dictionary of Python objects, beside workers.

    ## Why it is slow
    Workers are forked and share the parent's memory until somebody writes to it. Reading a Python
    object writes its reference count, so page after page is copied into each worker: memory grows
    with the number of workers, until the host swaps or kills them.

    ## Instead
    Keep the samples in one numpy array, tensor or Arrow table, and make Python objects of an item
    in `__getitem__`.

    ## When it is fine
    Where the list is small.

    ## Source
    pytorch #13246; the CodeGuru detector "pytorch-data-loader-with-multiple-workers".
    """

    code = "PFL206"
    tokens = ("__getitem__",)
    severity = Severity.INFO
    hot_only = False
    preview = True

    VALID = (
        """
        import numpy as np
        import torch
        from torch.utils.data import DataLoader, Dataset
        class Data(Dataset):
            def __init__(self, path):
                self.rows = np.load(path)
            def __getitem__(self, i):
                return self.rows[i]
        loader = DataLoader(Data("x"), num_workers=4)
        """,
        """
        import json
        import torch
        from torch.utils.data import DataLoader, Dataset
        class Data(Dataset):
            def __init__(self, path):
                self.rows = json.load(open(path))
            def __getitem__(self, i):
                return self.rows[i]
        loader = DataLoader(Data("x"))
        """,
        """
        import torch
        from torch.utils.data import DataLoader, Dataset
        class Data(Dataset):
            def __init__(self, path):
                self.names = [line for line in open(path)]
            def __getitem__(self, i):
                return self.images[i]
        loader = DataLoader(Data("x"), num_workers=4)
        """,
    )
    INVALID = (
        """
        import json
        import torch
        from torch.utils.data import DataLoader, Dataset
        class Data(Dataset):
            def __init__(self, path):
                self.rows = json.load(open(path))  # <-
            def __getitem__(self, i):
                return self.rows[i]
        loader = DataLoader(Data("x"), num_workers=4)
        """,
        """
        import torch
        from torch.utils.data import DataLoader, Dataset
        class Data(Dataset):
            def __init__(self, path):
                self.lines = [line.split() for line in open(path)]  # <-
            def __getitem__(self, i):
                words = self.lines[i]
                return torch.tensor(words)
        data = Data("x")
        loader = DataLoader(data, num_workers=2)
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return what the datasets of loaders with workers keep."""
        return _kept_objects(facts)

    def visit_Assign(self, node: cst.Assign) -> None:
        """Flag `self.rows = [...]` where `__getitem__` takes its samples from there."""
        if self.facts.is_test_code:
            return
        value = self.facts.counterpart(node.value)
        if value is not None and any(value is kept for kept in _kept_objects(self.facts)):
            self.report(node.value, "samples of Python objects are copied into every worker")


def _kept_objects(facts: Facts) -> list[ast.expr]:
    """Return the lists and dictionaries that datasets of this file take their samples from."""
    classes = [
        facts.loaders.dataset_class(c) for c in facts.loaders.calls if facts.loaders.has_workers(c)
    ]
    found: list[ast.expr] = []
    for home in dict.fromkeys(classes):
        start = facts.names.method(home, "__init__") if home else None
        item = facts.names.method(home, "__getitem__") if home else None
        if start is None or item is None:
            continue
        read = {path_of(n.value) for n in ast.walk(item) if isinstance(n, ast.Subscript)}
        for statement in start.body:
            if not isinstance(statement, ast.Assign) or not _makes_objects(facts, statement.value):
                continue
            paths = [path_of(target) for target in statement.targets]
            if any(path is not None and path in read for path in paths):
                found.append(statement.value)
    return found


def _makes_objects(facts: Facts, value: ast.expr) -> bool:
    match value:
        case ast.ListComp() | ast.DictComp():
            return True
        case ast.Call(func=ast.Attribute(attr="tolist" | "readlines" | "to_dict")):
            return True
        case ast.Call(func=func):
            return facts.names.of(func) in ("json.load", "json.loads", "pickle.load")
    return False
