"""What the loaders of a file feed: training, evaluation, and whether batches go to the device."""

import ast
import re
from collections import defaultdict

from .loader_kinds import Makers
from .names import Names
from .nodes import Function, Loop
from .regions import Regions
from .supplies import Supplies, called_name
from .syntax import Syntax
from .vocabulary import is_module_name

_EVALUATION = re.compile(r"val|valid|test|eval|dev(?!ice)|infer|predict|holdout", re.IGNORECASE)
_TRAINS = re.compile(r"(^|_)(train|fit)|Train", re.ASCII)
_RUNS = re.compile(r"(^|_)(train|fit|eval|valid|validate|test)|evaluate|Train|Evaluat", re.ASCII)
_MOVES = re.compile(r"to_(device|cuda|gpu)|(move|send|put)_.*(device|cuda|gpu)|^(to|cuda)$")
_MODELS = re.compile(r"model|net|module|encoder|decoder|criterion|loss", re.IGNORECASE)
_BUILDS = re.compile(r"(data_?)?loader|data_provider|dataiter|data_iter", re.IGNORECASE)
_TRAINING_HOOKS = {"train_dataloader", "get_train_dataloader"}
_EVALUATION_HOOKS = {"val_dataloader", "get_eval_dataloader"}


class LoaderUses:
    """Answers what a loader feeds, by its loops, by what it is called, by whom it is handed to."""

    def __init__(
        self,
        syntax: Syntax,
        names: Names,
        regions: Regions,
        makers: Makers,
        supplies: Supplies,
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._regions = regions
        self._makers = makers
        self._supplies = supplies
        self._fed: dict[ast.Call, list[Loop | ast.Call]] | None = None
        self._handed: dict[ast.Call, set[str]] | None = None

    def in_training(self, loader: ast.Call) -> bool:
        """Whether a loader feeds training."""
        labels = self.labels(loader)
        # In `{"train": ..., "val": ...}` the key says more than the name of the dictionary.
        for label in (name.rsplit(".", 1)[-1] for name in labels):
            if _TRAINS.search(label) or label in _TRAINING_HOOKS or "train" in label.lower():
                return True
            if _EVALUATION.search(label):
                return False
        if any(self._regions.is_step_loop(place) for place in self.fed(loader)):
            return True
        if self._regions.trains and self._is_built_for_all(loader):
            return True
        if self._is_endless(loader):
            return True
        if any(isinstance(p, ast.Call) and self._regions.hot(p) for p in self.fed(loader)):
            return True
        return any(_TRAINS.search(name) for name in self._handed_to(loader))

    def _is_endless(self, loader: ast.Call) -> bool:
        """Whether batches are handed on without end, as only training wants them."""
        for handed in self._syntax.nodes(ast.YieldFrom):
            if loader in self._supplies.of(handed.value).loaders:
                around = (parent for _, parent in self._syntax.ancestors(handed))
                return any(isinstance(p, ast.While) for p in around)
        return False

    def _is_built_for_all(self, loader: ast.Call) -> bool:
        """Whether a function makes loaders for whoever asks: those who train ask as well."""
        function = self._syntax.function(loader)
        home = self._syntax.class_of(function) if function else None
        if home is not None and _BUILDS.search(home.name):
            return any(target.startswith("self.") for target in self.targets(loader))
        if function is None or not _BUILDS.search(function.name):
            return False
        if self._names.callers(function):
            return False  # they are in this file, and say what for
        direct = isinstance(self._syntax.parent(loader), ast.Return)
        return direct or self._returns(function, self.targets(loader))

    def in_evaluation(self, loader: ast.Call) -> bool:
        """Whether a loader of a file that trains feeds evaluation of that training."""
        if self.in_training(loader):
            return False
        function = self._syntax.function(loader)
        if function is not None and function.name in _EVALUATION_HOOKS:
            return True
        # One batch now and then, for a picture, is no evaluation.
        used = self.loops_over(loader) or any(map(_RUNS.search, self._handed_to(loader)))
        return used and self._trains()

    def feeds(self, loader: ast.Call) -> str | None:
        """Return in words what a loader feeds whose batches go to the device; None if unclear."""
        if self.in_training(loader):
            return "a training"
        if self.in_evaluation(loader) and self.moves_batches(loader):
            return "an evaluation"
        return None

    def moves_batches(self, loader: ast.Call) -> bool:
        """Whether the batches of a loader go where the model is: here, or by whom it is given."""
        function = self._syntax.function(loader)
        if function is not None and function.name in _TRAINING_HOOKS | _EVALUATION_HOOKS:
            return True
        if any(_RUNS.search(name) for name in self._handed_to(loader)):
            return True
        return any(_reaches_device(self._turn(place)) for place in self.fed(loader))

    def moves_visibly(self, loader: ast.Call) -> bool:
        """Whether the loops of this file over a loader move its batches to a device themselves."""
        turns = [self._turn(place) for place in self.fed(loader)]
        called = [
            self._names.definition(node.func)
            for turn in turns
            for node in ast.walk(turn)
            if isinstance(node, ast.Call)
        ]
        return any(map(_moves, [*turns, *(f for f in called if isinstance(f, Function))]))

    def fed(self, loader: ast.Call) -> list[Loop | ast.Call]:
        """Return the loops over a loader, and the calls of `next` on it."""
        if self._fed is None:
            self._fed = defaultdict(list)
            for loop in self._syntax.loops:
                if not isinstance(loop, ast.While):
                    self._record(self._fed, loop.iter, loop)
            for call in self._syntax.calls_to("next", "__next__"):
                inner = call.args[0] if call.args else getattr(call.func, "value", call)
                self._record(self._fed, inner, call)
        return self._fed.get(loader, [])

    def trains_each_epoch(self, loader: ast.Call) -> bool:
        """Whether a step loop over a loader stands in a loop over epochs, here or in a caller."""
        for place in self.fed(loader):
            if isinstance(place, ast.Call) or not self._regions.is_step_loop(place):
                continue
            function = self._syntax.function(place)
            callers = self._names.callers(function) if function else []
            if self._is_looped(place) or any(map(self._is_looped, callers)):
                return True
        return False

    def _is_looped(self, node: ast.AST) -> bool:
        for child, parent in self._syntax.ancestors(node):
            if isinstance(parent, Loop) and child in parent.body:
                return True
            if isinstance(parent, Function):
                return False
        return False

    def loops_over(self, loader: ast.Call) -> bool:
        """Whether a loop of the file walks over a loader."""
        return any(isinstance(place, Loop) for place in self.fed(loader))

    def targets(self, loader: ast.Call) -> list[str]:
        """Return the names that a loader is bound to."""
        for child, parent in self._syntax.ancestors(loader):
            match parent:
                case ast.Assign(targets=targets, value=value) if value is child:
                    return [name for target in targets for name in _parts(target, value, loader)]
                case ast.AnnAssign(target=target):
                    return [ast.unparse(target)]
                case ast.stmt():
                    return []
        return []

    def labels(self, loader: ast.Call) -> list[str]:
        """Return the words that say what a loader is for, the nearest first."""
        found: list[str] = []
        for child, parent in self._syntax.ancestors(loader):
            match parent:
                case ast.Dict(keys=keys, values=values) if child in values:
                    key = keys[values.index(child)]
                    found += [key.value] if _is_text(key) else []  # type: ignore[union-attr]
                case ast.keyword(arg=str() as name):
                    found.append(name)
                case ast.Return():
                    function = self._syntax.function(parent)
                    return [*found, function.name] if function else found
                case ast.stmt():
                    break
        targets = self.targets(loader)
        function = self._syntax.function(loader)
        if function and not found and self._returns(function, targets):
            return [*targets, function.name]
        return [*found, *targets]

    def _returns(self, function: Function, targets: list[str]) -> bool:
        """Whether a function returns one of these names."""
        returned = (
            part
            for node in self._syntax.nodes(ast.Return)
            if node.value is not None and self._syntax.function(node) is function
            for part in (node.value.elts if isinstance(node.value, ast.Tuple) else [node.value])
        )
        return any(ast.unparse(part) in targets for part in returned)

    def _record(
        self, into: dict[ast.Call, list[Loop | ast.Call]], node: ast.AST, place: Loop | ast.Call
    ) -> None:
        parts = node.args if isinstance(node, ast.Call) and called_name(node) == "zip" else [node]
        for part in parts:
            if isinstance(part, ast.Call) and called_name(part) == "zip":
                self._record(into, part, place)
            if isinstance(part, ast.Call) and part.args and called_name(part) == "enumerate":
                self._record(into, part.args[0], place)
                continue
            for loader in self._supplies.of(part).loaders:
                into[loader].append(place)

    def _turn(self, place: Loop | ast.Call) -> ast.AST:
        """Return the code that gets a batch."""
        if not isinstance(place, ast.Call):
            return place
        for _, parent in self._syntax.ancestors(place):
            if isinstance(parent, Loop | Function):
                return parent
        return self._syntax.tree

    def _handed_to(self, loader: ast.Call) -> set[str]:
        """Return the names of functions elsewhere that a loader is handed to."""
        if self._handed is None:
            self._handed = defaultdict(set)
            words = {
                target.rsplit(".", 1)[-1]
                for call in self._syntax.calls
                if self._makers.of(call)
                for target in self.targets(call)
            }
            for call in self._syntax.calls:
                if self._names.definition(call.func) is not None:
                    continue
                for arg in (*call.args, *(k.value for k in call.keywords)):
                    name = getattr(arg, "attr", getattr(arg, "id", ""))
                    if name in words:
                        for made in self._supplies.of(arg).loaders:
                            self._handed[made].add(called_name(call))
        return self._handed.get(loader, set())

    def _trains(self) -> bool:
        if self._regions.trains:
            return True
        return any(self.in_training(call) for call in self._syntax.calls if self._makers.of(call))


def _reaches_device(place: ast.AST) -> bool:
    """Whether batches are moved here, or given to a model, which lies on the device."""
    if _moves(place):
        return True
    calls = (node for node in ast.walk(place) if isinstance(node, ast.Call))
    return any(is_module_name(called_name(call)) for call in calls)


def _moves(place: ast.AST) -> bool:
    """Whether what is no model is moved here."""
    for node in ast.walk(place):
        if isinstance(node, ast.Call) and _MOVES.search(called_name(node)):
            owner = getattr(node.func, "value", None)
            if owner is None or not _MODELS.search(ast.unparse(owner)):
                return True
    return False


def _parts(target: ast.expr, value: ast.expr, loader: ast.AST) -> list[str]:
    """Return what a target names: of `train, test = Loader(a), Loader(b)` only the one meant."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return [
            ast.unparse(name)
            for name, part in zip(target.elts, value.elts, strict=False)
            if part is loader
        ]
    return [ast.unparse(target)]


def _is_text(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
