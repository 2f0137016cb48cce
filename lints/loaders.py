"""The data loaders of a file: how each is set up, and whether it feeds training."""

import ast
import re
from functools import cached_property

from .bindings import Binding, Bindings, How
from .keywords import ABSENT, UNREADABLE, Absent, Choice, Choices, Keywords, over
from .loader_kinds import Maker, Makers
from .loader_uses import LoaderUses
from .memory import Memory
from .names import Names
from .nodes import Function, default_of, path_of
from .regions import Regions
from .supplies import Supplies, Supply, passed
from .syntax import Syntax

_WRAPPERS = {"enumerate", "tqdm", "trange", "zip", "iter", "islice", "progress_bar", "track"}
_GPU = re.compile(r"cuda|gpu|accel|xpu", re.IGNORECASE)


class Loaders:
    """Answers questions about the calls that make loaders, and about the loops over them."""

    def __init__(
        self,
        syntax: Syntax,
        names: Names,
        regions: Regions,
        bindings: Bindings,
        *,
        any_at_all: bool = True,
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._bindings = bindings
        self._keywords = Keywords(syntax, names)
        self._makers = Makers(syntax, names, bindings, any_at_all=any_at_all)
        self._memory = Memory(names, bindings)
        self._supplies = Supplies(syntax, names, bindings, self._makers)
        self.uses = LoaderUses(syntax, names, regions, self._makers, self._supplies)

    def is_loader(self, call: ast.Call) -> bool:
        """Whether a call makes a loader of torch, or of a library that builds on torch's."""
        return self._makers.of(call) is not None

    @cached_property
    def calls(self) -> list[ast.Call]:
        """All calls that make loaders."""
        every = self._syntax.calls if self._makers.any else ()
        return [call for call in every if self._makers.of(call)]

    def maker(self, call: ast.Call) -> Maker | None:
        """Return how a call makes a loader."""
        return self._makers.of(call)

    def seems_loader(self, node: ast.expr) -> bool:
        """Whether an expression is a loader: by what made it, or by what it is called."""
        if self._supplies.of(node).loaders:
            return True
        path = path_of(node)
        return path is not None and bool(re.search(r"loader\d*$", path[-1].lower().strip("[]'.\"")))

    def supply(self, node: ast.AST) -> Supply:
        """Return which loaders an expression can be."""
        return self._supplies.of(node)

    def choices(self, call: ast.Call, name: str) -> Choices:
        """Return all that a loader's option can be: by keyword, by place, from `**options`."""
        maker = self._makers.of(call)
        if maker is None or not maker.readable:
            return UNREADABLE
        found = self._passed(call, name, maker.kind.positions)
        for before in maker.before:
            if not any(choice.value is Absent.ABSENT for choice in found):
                break
            found = over(found, self._passed(before, name, ()))
        return found

    def option(self, call: ast.Call, name: str) -> ast.expr | Absent:
        """Return what an option is, where it can only be one thing."""
        found = {choice.value for choice in self.choices(call, name)}
        return found.pop() if len(found) == 1 else Absent.UNREADABLE

    def pinned(self, call: ast.Call) -> bool | None:
        """Whether a loader pins its memory; None where that cannot be read, or means nothing."""
        maker = self._makers.of(call)
        # A TPU has no use for pinned memory.
        if maker is None or self._names.imports("torch_xla"):
            return None
        # Graphs of dgl cannot be pinned by a loader; what lies beside them can, if it is asked to.
        graphs = not maker.kind.pins or (self._names.imports("dgl") and self._collates(call))
        if graphs:
            asked = {self._holds(choice) for choice in self.choices(call, "pin_memory")}
            return True if True in asked else None
        if self._memory.is_index(self.option(call, "dataset")):
            return None
        found = [self._holds(choice) for choice in self.choices(call, "pin_memory")]
        if True in found:
            return True
        return None if None in found else False

    def supplied_pinned(self, node: ast.AST) -> bool | None:
        """Whether what a loop walks over comes from pinned memory; None where that is unclear."""
        supply = self._supplies.of(node)
        found = {self.pinned(loader) for loader in supply.loaders}
        if not supply.complete or supply.prepared or len(found) != 1:
            return None
        return found.pop()

    def without_workers(self, call: ast.Call) -> bool:
        """Whether a loader certainly has no worker processes."""
        return all(
            value is Absent.ABSENT or (isinstance(value, ast.Constant) and value.value == 0)
            for value in (choice.value for choice in self.choices(call, "num_workers"))
        )

    def needs_no_workers(self, call: ast.Call) -> bool:
        """Whether the data is in memory, batched beforehand, on the device, or loaded by itself."""
        maker = self._makers.of(call)
        size = self.option(call, "batch_size")
        if isinstance(size, ast.Constant) and size.value is None:
            return True
        if maker is None or maker.kind.in_memory or self.yields_device_tensors(call):
            return True
        # Graph learning walks over the ids of nodes, or over graphs that lie in memory.
        if self._names.imports("dgl", "torch_geometric"):
            return True
        return self._memory.holds(self.option(call, "dataset"))

    def is_of_tensors(self, call: ast.Call) -> bool:
        """Whether a loader's dataset is a `TensorDataset`, so that all of it lies in memory."""
        return self._memory.is_of_tensors(self.option(call, "dataset"))

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

    def _collates(self, call: ast.Call) -> bool:
        """Whether a loader has a function of its own, or an unknown one, to make batches."""
        return self.option(call, "collate_fn") is not Absent.ABSENT

    def yields_raw_items(self, call: ast.Call) -> bool:
        """Whether batches are lists of the items of the dataset, as `collate_fn=list` says."""
        match self.option(call, "collate_fn"):
            case ast.Name(id="list"):
                return True
            case ast.Lambda(args=ast.arguments(args=[arg]), body=ast.Name(id=name)):
                return arg.arg == name
        return False

    def has_workers(self, call: ast.Call) -> bool:
        """Whether a loader certainly has worker processes."""
        values = [choice.value for choice in self.choices(call, "num_workers")]
        return all(
            isinstance(v, ast.Constant) and isinstance(v.value, int) and v.value > 0 for v in values
        )

    def dataset_class(self, call: ast.Call) -> ast.ClassDef | None:
        """Return the class of this file that a loader's dataset is made by."""
        given = self.option(call, "dataset")
        made = self._made_by(given) if isinstance(given, ast.expr) else None
        return made if isinstance(made, ast.ClassDef) else None

    def is_pinned_later(self, call: ast.Call) -> bool:
        """Whether the file sets `loader.pin_memory` afterwards."""
        names = self.uses.targets(call)
        return any(
            node.attr == "pin_memory"
            and isinstance(node.ctx, ast.Store)
            and ast.unparse(node.value) in names
            for node in self._syntax.nodes(ast.Attribute)
        )

    def in_training(self, call: ast.Call) -> bool:
        """Whether a loader feeds training: by its loop, its hook, or what it is called."""
        return self.uses.in_training(call)

    def looped_over(self, source: ast.AST) -> ast.AST:
        """Return what a loop walks over, without `enumerate`, `tqdm` and their like."""
        while isinstance(source, ast.Call) and source.args:
            func = source.func
            name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
            if name not in _WRAPPERS or name in ("zip", "trange"):
                return source
            source = source.args[0]
        return source

    def _passed(self, call: ast.Call, name: str, positions: tuple[str, ...]) -> Choices:
        """Return what one call passes; `positions` are the options that it can pass by place."""
        for given in call.keywords:
            if given.arg == name:
                return (Choice(given.value),)
        if positions:
            where = positions.index(name) if name in positions else len(call.args)
            if any(isinstance(arg, ast.Starred) for arg in call.args[: where + 1]):
                return UNREADABLE
            if where < len(call.args):
                return (Choice(call.args[where]),)
        found = ABSENT
        for given in call.keywords:
            if given.arg is None:
                found = over(self._keywords.lookup(given.value, name), found)
        return found

    def _holds(self, choice: Choice, depth: int = 3) -> bool | None:
        """Whether an option is true where it matters, so with a GPU at hand."""
        match choice.value:
            case Absent.ABSENT:
                return False
            case Absent.UNREADABLE:
                return None
            case ast.Constant(value=value):
                at_hand = choice.when is None or bool(_GPU.search(ast.unparse(choice.when)))
                return bool(value) if at_hand or not value else None
            case ast.expr() as given:
                # `torch.cuda.is_available()`, `device.type == "cuda"`: pinned wherever it matters.
                if _GPU.search(ast.unparse(given)) or _is_not_the_cpu(given):
                    return True
                values = self._behind(given) if depth else []
                found = {self._holds(Choice(value, choice.when), depth - 1) for value in values}
                # A named setting that is off may be switched on elsewhere.
                return True if found == {True} else None
        return None

    def _behind(self, node: ast.expr) -> list[ast.expr]:
        """Return what a name is bound to: by assignment, or as a parameter by all calls here."""
        path = path_of(node)
        if path is None or len(path) > 1:
            return []
        found = self._bindings.reaching(node, path)
        if not found and (home := self._names.home(node, path[0])):
            found = self._bindings.everywhere(home, path)
        values: list[ast.expr] = []
        for binding in found:
            source = _part(binding)
            if binding.how is How.ASSIGN and source is not None:
                values.append(source)
            elif binding.how is How.PARAMETER and isinstance(binding.site, Function):
                values += self._arguments(binding.site, path[0])
            else:
                return []
        return values

    def _arguments(self, function: Function, name: str) -> list[ast.expr]:
        """Return the default of a parameter and what the calls in this file pass instead."""
        given = [passed(call, function, name) for call in self._names.callers(function)]
        default = default_of(function, name)
        values = [value for value in given if value is not None]
        if default is not None and (len(values) < len(given) or not given):
            values.append(default)
        return values

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


def _part(binding: Binding) -> ast.expr | None:
    """Return what a name gets of `on, off = True, False`."""
    source = binding.source
    for number in binding.at:
        if not isinstance(source, ast.Tuple) or number is None or number >= len(source.elts):
            return None
        source = source.elts[number]
    return source if isinstance(source, ast.expr) else None


def _is_not_the_cpu(node: ast.expr) -> bool:
    """Whether this is `device != "cpu"`."""
    match node:
        case ast.Compare(ops=[ast.NotEq()], comparators=[ast.Constant(value="cpu")]):
            return True
    return False
