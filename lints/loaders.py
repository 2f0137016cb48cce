"""The data loaders of a file: how each is set up, and whether it feeds training."""

import ast
import re
from enum import Enum

from .bindings import Bindings, How
from .names import Names
from .regions import Regions
from .syntax import Syntax, path_of

DATA_LOADER = "torch.utils.data.DataLoader"
_POSITIONS = (
    *("dataset", "batch_size", "shuffle", "sampler", "batch_sampler", "num_workers"),
    *("collate_fn", "pin_memory", "drop_last"),
)
_WRAPPERS = {"enumerate", "tqdm", "trange", "zip", "iter", "islice", "progress_bar", "track"}
_EVALUATION = re.compile(r"val|valid|test|eval|dev|infer|predict|holdout", re.IGNORECASE)


class Absent(Enum):
    """Why a call passes no value for an option."""

    ABSENT = "absent"
    UNREADABLE = "unreadable"  # `*args` or `**options` may pass it


class Loaders:
    """Answers questions about `DataLoader(...)` calls and the loops over them."""

    def __init__(self, syntax: Syntax, names: Names, regions: Regions, bindings: Bindings) -> None:
        self._syntax = syntax
        self._names = names
        self._regions = regions
        self._bindings = bindings

    def is_loader(self, call: ast.Call) -> bool:
        """Whether a call makes a `torch.utils.data.DataLoader`."""
        return self._names.of(call.func) == DATA_LOADER

    def option(self, call: ast.Call, name: str) -> ast.expr | Absent:
        """Return what a call passes as an option: by keyword, by place, in a literal `**dict`."""
        for given in call.keywords:
            if given.arg == name:
                return given.value
        where = _POSITIONS.index(name) if name in _POSITIONS else len(call.args)
        before = call.args[: where + 1]
        if any(isinstance(arg, ast.Starred) for arg in before):
            return Absent.UNREADABLE
        if where < len(call.args):
            return call.args[where]
        for given in call.keywords:
            if given.arg is None:
                found = self._in_mapping(given.value, name)
                if found is not Absent.ABSENT:
                    return found
        return Absent.ABSENT

    def pinned(self, call: ast.Call) -> bool | None:
        """Whether a loader pins its memory; None where that cannot be read."""
        match self.option(call, "pin_memory"):
            case Absent.ABSENT:
                return False
            case Absent.UNREADABLE:
                return None
            case ast.Constant(value=value):
                return bool(value)
            case ast.expr() as given:
                # `torch.cuda.is_available()`, `device.type == "cuda"`: pinned wherever it matters.
                return True if "cuda" in ast.dump(given) else None
        return None

    def without_workers(self, call: ast.Call) -> bool:
        """Whether a loader certainly has no worker processes."""
        workers = self.option(call, "num_workers")
        if workers is Absent.ABSENT:
            return True
        return isinstance(workers, ast.Constant) and workers.value == 0

    def needs_no_workers(self, call: ast.Call) -> bool:
        """Whether the data is in memory, batched beforehand, on the device, or loaded by itself."""
        size = self.option(call, "batch_size")
        if isinstance(size, ast.Constant) and size.value is None:
            return True
        if self.yields_device_tensors(call):
            return True
        return self._is_in_memory(self.option(call, "dataset"))

    def yields_device_tensors(self, call: ast.Call) -> bool:
        """Whether the dataset or the collate function of this file moves tensors to the device."""
        for option in ("collate_fn", "dataset"):
            given = self.option(call, option)
            made = self._made_by(given) if isinstance(given, ast.expr) else None
            if isinstance(given, ast.Lambda):
                made = given
            if made is not None and re.search(r"\.cuda\(|\.to\(", ast.unparse(made)):
                return True
        return False

    def is_pinned_later(self, call: ast.Call) -> bool:
        """Whether the file sets `loader.pin_memory` afterwards."""
        names = self._targets(call)
        return any(
            isinstance(node, ast.Attribute)
            and node.attr == "pin_memory"
            and isinstance(node.ctx, ast.Store)
            and ast.unparse(node.value) in names
            for node in ast.walk(self._syntax.tree)
        )

    def in_training(self, call: ast.Call) -> bool:
        """Whether a loader feeds training: by its loop, its hook, or what it is called."""
        function = self._syntax.function(call)
        if function is not None and function.name == "train_dataloader":
            return True
        targets = self._targets(call)
        if any(self._named_for_evaluation(name) for name in targets):
            return False
        if any("train" in name.lower() for name in targets):
            return True
        return any(self._feeds_step_loop(call, name) for name in targets)

    def looped_over(self, source: ast.AST) -> ast.AST:
        """Return what a loop walks over, without `enumerate`, `tqdm` and their like."""
        while isinstance(source, ast.Call) and source.args:
            func = source.func
            name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
            if name not in _WRAPPERS or name in ("zip", "trange"):
                return source
            source = source.args[0]
        return source

    def _made_by(self, node: ast.expr) -> ast.AST | None:
        """Return the class of this file that makes a value, or the function of this file it is."""
        if isinstance(node, ast.Call):
            return self._names.definition(node.func)
        if defined := self._names.definition(node):
            return defined
        source = self._source(node)
        return self._names.definition(source.func) if isinstance(source, ast.Call) else None

    def _source(self, node: ast.expr) -> ast.AST | None:
        path = path_of(node)
        if path is None:
            return None
        found = self._bindings.reaching(node, path)
        if not found and (home := self._names.home(node, path[0])):
            found = self._bindings.everywhere(home, path)
        return found[0].source if len(found) == 1 else None

    def _is_in_memory(self, dataset: object, depth: int = 3) -> bool:
        if not isinstance(dataset, ast.expr) or not depth:
            return False
        source = dataset if isinstance(dataset, ast.Call) else self._source(dataset)
        if isinstance(source, ast.List | ast.ListComp):
            return True
        if not isinstance(source, ast.Call):
            return False
        name = self._names.of(source.func) or ""
        if name.rsplit(".", 1)[-1] == "TensorDataset":
            return True
        if name.rsplit(".", 1)[-1] in ("Subset", "random_split", "ConcatDataset") and source.args:
            return self._is_in_memory(source.args[0], depth - 1)
        made = self._names.definition(source.func)
        if not isinstance(made, ast.ClassDef):
            return False
        if any(base.endswith("IterableDataset") for base in self._names.bases(made)):
            return True
        item = self._names.method(made, "__getitem__")
        return item is not None and _only_indexes(item)

    def _in_mapping(self, node: ast.expr, name: str) -> ast.expr | Absent:
        """Look an option up in `**options`, where these are one literal that nobody changes."""
        path = path_of(node)
        if path is None:
            return Absent.UNREADABLE
        found = self._bindings.reaching(node, path)
        scope = self._syntax.scope(node)
        if len(found) != 1 or len(self._bindings.everywhere(scope, path)) != 1:
            return Absent.UNREADABLE
        if self._is_changed(scope, path):
            return Absent.UNREADABLE
        match found[0].source if found[0].how is How.ASSIGN else None:
            case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
                keys: list[ast.expr | None] = [
                    ast.Constant(k.arg) if k.arg else None for k in keywords
                ]
                values = [k.value for k in keywords]
            case ast.Dict(keys=keys, values=values):
                pass
            case _:
                return Absent.UNREADABLE
        if not all(isinstance(key, ast.Constant) for key in keys):
            return Absent.UNREADABLE
        pairs = zip(keys, values, strict=True)
        return next(
            (v for k, v in pairs if isinstance(k, ast.Constant) and k.value == name), Absent.ABSENT
        )

    def _is_changed(self, scope: ast.AST, path: tuple[str, ...]) -> bool:
        """Whether `options.update(...)` or `options["x"] = ...` stands anywhere in the scope."""
        for node in ast.walk(scope):
            match node:
                case ast.Attribute(value=owner, attr="update" | "setdefault" | "pop"):
                    if path_of(owner) == path:
                        return True
                case ast.Subscript(value=owner, ctx=ast.Store() | ast.Del()):
                    if path_of(owner) == path:
                        return True
        return False

    def _targets(self, call: ast.Call) -> list[str]:
        """Return the names that a loader is bound to."""
        for child, parent in self._syntax.ancestors(call):
            match parent:
                case ast.Assign(targets=targets) if parent.value is child:
                    return [ast.unparse(target) for target in targets]
                case ast.AnnAssign(target=target):
                    return [ast.unparse(target)]
                case ast.stmt() | ast.Tuple() | ast.List() | ast.Dict():
                    return []
        return []

    def _named_for_evaluation(self, name: str) -> bool:
        return bool(_EVALUATION.search(name)) and "train" not in name.lower()

    def _feeds_step_loop(self, call: ast.Call, name: str) -> bool:
        for loop in self._syntax.loops:
            if isinstance(loop, ast.While) or not self._regions.is_step_loop(loop):
                continue
            source = self.looped_over(loop.iter)
            path = path_of(source)
            if path is None or ast.unparse(source) != name:
                continue
            found = self._bindings.reaching(source, path)
            home = self._names.home(source, path[0])
            found = found or (self._bindings.everywhere(home, path) if home else [])
            if any(binding.source is call for binding in found):
                return True
        return False


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
