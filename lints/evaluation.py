"""Loops over batches that evaluate a model while autograd builds a graph that nobody uses."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from .cold import Cold
from .dataflow import Dataflow
from .loaders import Loaders
from .names import Names
from .nodes import Block, Function, blocks, path_of, within
from .regions import Regions
from .supplies import called_name
from .syntax import Syntax
from .values import Kind
from .vocabulary import CRITERION, is_module_name

_BATCHES = re.compile(r"(loader|dl|batches|iterator|dataset|data|_set|_iter|generator)s?\d*$", re.I)
_NO_GRAD = re.compile(
    r"no_?grad|inference_?mode|grad_enabled|volatile|eval_?mode|requires_grad", re.I
)
_EVALUATES = re.compile(
    r"(^|_)(eval\w*|valid\w*|vali?|test|tests|testing|predict\w*|inference|infer)(_|$)", re.I
)
_OTHERWISE = re.compile(r"train|fit|attack|adv|attrib|explain|saliency|invert|optimi[sz]e", re.I)
# Whoever calls one of these wants gradients, or says where there are none.
_GRADIENTS = {"backward", "grad", "enable_grad", "requires_grad_", "jacobian", "vjp", "hvp"}
_FRAMEWORKS = (
    *("pytorch_lightning.", "transformers.", "ignite.", "mmengine.", "fastai.", "trl."),
    *("speechbrain.", "composer.", "detectron2.", "mmcv."),
)


class Evaluations:
    """Answers which loops run a model for evaluation with autograd on."""

    def __init__(
        self,
        syntax: Syntax,
        names: Names,
        regions: Regions,
        loaders: Loaders,
        dataflow: Dataflow,
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._regions = regions
        self._loaders = loaders
        self._dataflow = dataflow
        self._cold = Cold(syntax, names)
        self._off: bool | None = None
        self._known: dict[ast.For, ast.Call | None] = {}
        self._made_off: bool | None = None

    def wasted(self, loop: ast.For) -> ast.Call | None:
        """Return the call of a model in a loop of evaluation that records a graph for nothing."""
        if loop not in self._known:
            self._known[loop] = self._wasted(loop)
        return self._known[loop]

    def _wasted(self, loop: ast.For) -> ast.Call | None:
        function = self._syntax.function(loop)
        named = function is not None and _EVALUATES.search(function.name)
        if not named and not self._syntax.calls_to("eval", "train"):
            return None
        if not (self.walks_over_batches(loop) or self._cuts_batches(loop)):
            return None
        if self._is_off_for_all():
            return None
        if self._wants_gradients(function or loop, loop) or self._of_framework(loop):
            return None
        if self._without_grad(loop) or self._called_without_grad(function):
            return None
        for call in within(loop):
            if isinstance(call, ast.Call) and self._runs_model(loop, call):
                if self._without_grad(call) or not self._evaluates(loop, call):
                    continue
                return call
        return None

    def evaluates_by_name(self, function: Function) -> bool:
        """Whether a function is called as what evaluates a model, and as nothing else."""
        return bool(_EVALUATES.search(function.name)) and not _OTHERWISE.search(function.name)

    def walks_over_batches(self, loop: ast.For) -> bool:
        """Whether each turn of a loop takes one batch."""
        source = self._loaders.looped_over(loop.iter)
        if self._loaders.supply(source).loaders:
            return True
        if isinstance(source, ast.Call):  # `batches(data)`, `dataset.iterate()`
            return bool(_BATCHES.search(called_name(source)))
        return is_called_batches(source)

    def _cuts_batches(self, loop: ast.For) -> bool:
        """Whether each turn of an evaluation cuts the next batch out of its data by an index."""
        function = self._syntax.function(loop)
        counts = isinstance(loop.iter, ast.Call) and called_name(loop.iter) == "range"
        if not counts or function is None or not _EVALUATES.search(function.name):
            return False
        steps = len(loop.iter.args) == 3 if isinstance(loop.iter, ast.Call) else False
        return steps and any(
            called_name(call) == "eval" for call in self._syntax.calls_in(function)
        )

    def _runs_model(self, loop: ast.For, call: ast.Call, depth: int = 1) -> bool:
        if not isinstance(call.func, (ast.Name, ast.Attribute, ast.Subscript)):
            return False
        if depth and isinstance(helper := self._names.definition(call.func), Function):
            if helper.name == "forward" or self._without_grad(helper.body[0]):
                return False
            inner = (each for each in self._syntax.calls_in(helper))
            return any(
                self._runs_model(loop, each, depth - 1) and not self._without_grad(each)
                for each in inner
            )
        if self._names.of(call.func) or self._names.definition(call.func):
            return False
        kind = self._dataflow.value(call.func).kind
        name = called_name(call)
        if kind is not Kind.MODULE:
            # A name alone may stand for any client of a service.
            if kind is not Kind.UNKNOWN or not is_module_name(name):
                return False
            if not self._is_torch_model(loop, ast.unparse(call.func)):
                return False
        # A loss of outputs without a graph has none either.
        if CRITERION.match(name) or "loss" in name.lower():
            return False
        return not self._is_made_without_grad()

    def _is_torch_model(self, loop: ast.For, model: str) -> bool:
        """Whether a model has modes, or is given batches that were moved to a device."""
        return model in self._with_modes or loop in self._with_moves

    @cached_property
    def _with_modes(self) -> set[str]:
        modes = self._syntax.calls_to("eval", "train", "parameters", "state_dict")
        return {ast.unparse(getattr(mode.func, "value", mode)) for mode in modes}

    @cached_property
    def _with_moves(self) -> set[ast.AST]:
        found: set[ast.AST] = set()
        for move in self._syntax.calls_to("to", "cuda"):
            for _, parent in self._syntax.ancestors(move):
                if parent in found:
                    break
                found.add(parent)
        return found

    def _evaluates(self, loop: ast.For, call: ast.Call) -> bool:
        """Whether a loop evaluates: by the name of its function, or by `model.eval()` before."""
        function = self._syntax.function(loop)
        name = function.name if function else ""
        mode = self._mode(loop, ast.unparse(call.func))
        if mode is False or _OTHERWISE.search(name):
            return mode is True and not self._regions.is_step_loop(loop)
        return mode is True or bool(_EVALUATES.search(name))

    def _mode(self, loop: ast.For, model: str) -> bool | None:
        """Return whether the nearest switch of a model before the loop is to evaluation."""
        for child, parent in self._syntax.ancestors(loop):
            for block in blocks(parent):
                if child in block:
                    for statement in reversed(block[: block.index(child)]):
                        if (found := _switch(statement, model)) is not None:
                            return found
            if isinstance(parent, Function):
                return None
        return None

    def _without_grad(self, node: ast.AST) -> bool:
        """Whether autograd is off here, or may be: by `with`, by decorator, by a name for these."""
        for child, parent in self._syntax.ancestors(node):
            around: list[ast.expr] = []
            if isinstance(parent, (ast.With, ast.AsyncWith)) and child in parent.body:
                around = [item.context_expr for item in parent.items]
            elif isinstance(parent, Function) and child in parent.body:
                around = parent.decorator_list
            if any(_may_be_off(each) for each in around):
                return True
        return self._regions.without_grad(node)

    def _called_without_grad(self, function: Function | None, depth: int = 3) -> bool:
        """Whether a caller of the function in this file has autograd off."""
        if function is None or not depth:
            return False
        # Callers by any object of that method's name count, and whoever is handed the function.
        handed = self._handed.get(function.name, ())
        for call in (*self._syntax.calls_to(function.name), *handed):
            if self._without_grad(call):
                return True
            if self._called_without_grad(self._syntax.function(call), depth - 1):
                return True
        return False

    @cached_property
    def _handed(self) -> dict[str, list[ast.Call]]:
        """By name the calls that are handed a function: `run(evaluate, loader)`."""
        found: dict[str, list[ast.Call]] = defaultdict(list)
        for call in self._syntax.calls:
            for name in {arg.id for arg in call.args if isinstance(arg, ast.Name)}:
                found[name].append(call)
        return found

    def _wants_gradients(self, home: ast.AST, loop: ast.For) -> bool:
        around = (loop, home) if not isinstance(home, ast.For) else (loop,)
        for node in (inner for part in around for inner in ast.walk(part)):
            match node:
                case ast.Call() if called_name(node) in _GRADIENTS:
                    return True
                case ast.Call(func=ast.Attribute(attr="enter_context"), args=[entered]):
                    return _may_be_off(entered)
                case ast.Call(func=ast.Attribute(attr="step")) if self._is_in(node, loop):
                    return True
                case ast.Attribute(attr="grad"):
                    return True
        return False

    def _is_in(self, node: ast.AST, loop: ast.For) -> bool:
        return any(parent is loop for _, parent in self._syntax.ancestors(node))

    def _of_framework(self, loop: ast.For) -> bool:
        """Whether others call this code, who may turn autograd off: hooks, methods of modules."""
        home = self._names.own_class(loop)
        if home and self._regions.is_module(home):
            return True
        bases = self._names.bases(home) if home else set()
        return any(base.startswith(_FRAMEWORKS) for base in bases)

    def _is_off_for_all(self) -> bool:
        """Whether the file turns autograd off for good, or freezes what it runs."""
        if self._off is None:
            self._off = any(
                (called_name(call) in ("set_grad_enabled", "requires_grad_") and _says_off(call))
                or any(k.arg == "volatile" for k in call.keywords)
                for call in self._syntax.calls
                if not isinstance(self._syntax.parent(call), ast.withitem)
            ) or any(
                isinstance(node.value, ast.Constant)
                and node.value.value is False
                and any(getattr(t, "attr", "") == "requires_grad" for t in node.targets)
                for node in self._syntax.nodes(ast.Assign)
            )
        return self._off

    def _is_made_without_grad(self) -> bool:
        """Whether the class of a model, where it stands in this file, turns autograd off itself."""
        if self._made_off is None:
            self._made_off = self._find_made_without_grad()
        return self._made_off

    def _find_made_without_grad(self) -> bool:
        for home in self._syntax.classes:
            forward = self._names.method(home, "forward") or self._names.method(home, "__call__")
            if forward is None or not self._regions.is_module(home):
                continue
            if any(_may_be_off(d) for d in forward.decorator_list):
                return True
            withs = (node for node in within_all(forward) if isinstance(node, ast.withitem))
            if any(_may_be_off(item.context_expr) for item in withs):
                return True
        return False


def is_called_batches(node: ast.AST) -> bool:
    """Whether the name of a value says that it hands out batches."""
    path = path_of(node)
    return path is not None and bool(_BATCHES.search(path[-1].strip(".[]'\"")))


def _switch(statement: ast.stmt, model: str) -> bool | None:
    """Return True for `model.eval()`, False for `model.train()`, None for neither."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="eval"), args=[])):
            return True if _is_of(owner, model) else None
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="train"), args=args)) if (
            _is_of(owner, model)
        ):
            off = args and isinstance(args[0], ast.Constant) and args[0].value is False
            return bool(off)
        case ast.Assign(value=ast.Call(func=ast.Attribute(value=owner, attr="eval"), args=[])):
            return True if ast.unparse(statement.targets[0]) == model else None
    return None


def _is_of(owner: ast.expr, model: str) -> bool:
    """Whether what is switched is a model, or holds it: `engine.eval()` before `engine.net(x)`."""
    text = ast.unparse(owner)
    return model == text or model.startswith(f"{text}.")


def _may_be_off(node: ast.expr) -> bool:
    return bool(_NO_GRAD.search(ast.unparse(node)))


def _says_off(call: ast.Call) -> bool:
    values = [*call.args, *(k.value for k in call.keywords)]
    return any(isinstance(value, ast.Constant) and value.value is False for value in values)


def within_all(function: Function) -> Iterator[ast.AST]:
    """Yield all nodes of a function's body."""
    body: Block = function.body
    for statement in body:
        yield from ast.walk(statement)
