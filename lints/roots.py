"""Which functions run in every training step by what they are: frameworks' hooks, steps, losses."""

import ast
import re
from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import PurePosixPath

from .names import Names
from .nodes import Function, dotted, is_none, keyword, walk
from .supplies import returned_by
from .syntax import Syntax

_LIGHTNING = {
    *("training_step", "on_train_batch_start", "on_train_batch_end", "optimizer_step"),
    *("on_before_backward", "on_after_backward", "on_before_optimizer_step"),
    "on_before_zero_grad",
}
_BRAIN = {
    *("fit_batch", "compute_forward", "compute_objectives", "on_fit_batch_start"),
    *("on_fit_batch_end", "check_gradients"),
}
_ITERATION = {"before_train_iter", "after_train_iter", "before_iter", "after_iter"}
# What these classes call in every step, of the methods that derived classes define.
_HOOKS: dict[str, set[str]] = {
    "pytorch_lightning.LightningModule": _LIGHTNING,
    "pytorch_lightning.Callback": {"on_train_batch_start", "on_train_batch_end"},
    "transformers.TrainerCallback": {"on_step_begin", "on_step_end", "on_substep_end"},
    **dict.fromkeys(("speechbrain.Brain", "speechbrain.core.Brain"), _BRAIN),
    "mmcv.runner.BaseRunner": {"train_step"},
    "mmengine.optim.OptimWrapper": {"update_params", "step", "backward", "_clip_grad"},
    "composer.Callback": {"batch_start", "batch_end", "before_forward", "after_backward"},
    "composer.core.Callback": {"batch_start", "batch_end", "before_forward", "after_backward"},
    "composer.models.ComposerModel": {"loss"},
    "fastai.callback.core.Callback": {"before_batch", "after_batch", "after_loss", "after_pred"},
}
_TRAINER = {"compute_loss", "training_step"}
# The same of whole families, whatever module of the framework they are imported from.
_FAMILIES = (
    (re.compile(r"^transformers\.(\w+\.)*\w*Trainer$"), _TRAINER),
    (
        re.compile(r"^trl\.(\w+\.)*\w+Trainer$"),
        {*_TRAINER, "_compute_loss", "get_batch_loss_metrics"},
    ),
    (re.compile(r"^(mmengine\.hooks|mmcv\.runner)\.(\w+\.)*\w*Hook$"), _ITERATION),
    (re.compile(r"^mmengine\.model\.(\w+\.)*BaseModel$"), {"train_step"}),
    (re.compile(r"^detectron2\.engine\.(\w+\.)*\w*Trainer(Base)?$"), {"run_step"}),
    (
        re.compile(r"^detectron2\.engine\.(\w+\.)*HookBase$"),
        {"before_step", "after_step", "after_backward"},
    ),
)
MODULES = {
    *("torch.nn.Module", "pytorch_lightning.LightningModule", "mmengine.model.BaseModel"),
    *("mmengine.model.BaseModule", "mmcv.runner.BaseModule", "mmcv.runner.base_module.BaseModule"),
}
_OF_TORCH = re.compile(r"^(torch\.nn|torchvision\.models)\.(\w+\.)*(?!Parameter|Buffer)[A-Z]\w*$")
# Modules of libraries on top of torch are told by the last word of their names.
_OF_LIBRARIES = re.compile(
    r"^(mm(det|seg|pose|pretrain|cls|cv|engine|ocr|rotate|action)\w*|detectron2|timm|transformers|monai"
    r"|fairseq|espnet2?|nemo|segmentation_models_pytorch|diffusers)\..*\.?[A-Z]\w*(Detector|Heads?"
    r"|Model(Mixin)?|PreTrainedModel|Net|Module|Loss|Layer|Block|Backbone|Neck|Encoder|Decoder|Segmentor"
    r"|Classifier|Attention|Transformer)\w{0,3}$"
)
# What runs a module for training: `forward_train` is how detectors of mmdet 2 call it.
_FORWARDS = {"forward", "forward_train"}
_AUTOGRAD = {"torch.autograd.Function", "torch.autograd.function.Function"}
_OF_AUTOGRAD = {"forward", "backward"}
_ENGINES = {"ignite.engine.Engine", "ignite.engine.engine.Engine"}
_EVALUATOR = re.compile(r"eval|valid|test|infer", re.IGNORECASE)
_STEP = re.compile(
    r"^_?(train_(step|batch|iter|iteration|one_(step|batch|iter)|on_batch)|training_batch"
    r"|(step|batch)_train|optimize_parameters|fit_batch)$"
)
_BATCH = re.compile(r"batch|input|data|sample|image|img|x$|target|label", re.IGNORECASE)
_LOSS_METHOD = re.compile(
    r"^_?((get|compute|calc|calculate|forward)_)?(\w+_)?loss(es)?$|^_?loss(es)?_\w+$"
)
_LOSS_FUNCTION = re.compile(r"^_?((compute|calc|calculate)_)?(\w+_)?loss(es)?$|^_?loss_\w+$")
# Functions of these names do something about losses, or make what computes them.
_ABOUT = re.compile(
    r"^_?(get(?!_\w*loss)|set|make|build|create|init|load|save|plot|draw|show|print|log|write|report|format"
    r"|parse|register|add|record|reset|update|reduce|gather|average|avg|mean|eval\w*|val\w*|test"
    r"|is|has|choose|select|sum)_|_(fn|func|function|name|type|weights?|scale|dict|class|factory"
    r"|config|history|curves?|meter|key|str|scaler|logger)$"
)


class Roots:
    """Answers of a function, by itself, whether training runs it in every step."""

    def __init__(self, syntax: Syntax, names: Names, path: str) -> None:
        self._syntax = syntax
        self._names = names
        self._bases: dict[ast.ClassDef, list[str]] = {}
        self._modules: dict[ast.ClassDef, bool] = {}
        self._serves = bool(_EVALUATOR.search(PurePosixPath(path).stem))

    def hook(self, function: ast.AST) -> str | None:
        """Return which framework class calls this method in every step."""
        home = self._syntax.class_of(function)
        if home is None or not isinstance(function, Function):
            return None
        if home not in self._bases:
            self._bases[home] = sorted(self._names.bases(home))
        bases = self._bases[home]
        found = next((base for base in bases if function.name in _called_by(base)), None)
        return (
            None if found and found.startswith("speechbrain.") and self._only_evaluates else found
        )

    @cached_property
    def _only_evaluates(self) -> bool:
        """Whether the file is a program that has a brain evaluated, and none fitted."""
        return bool(self._syntax.calls_to("evaluate")) and not self._syntax.calls_to("fit")

    def handler(self, function: Function) -> str | None:
        """Return in words how an Ignite engine runs a function in every iteration of training."""
        if not self._names.imports("ignite"):
            return None
        for decorator in function.decorator_list:
            if isinstance(decorator, ast.Call) and _is_on_iteration(decorator):
                return f"the handler `{function.name}` runs in every step"
        for call in self._syntax.calls_to("add_event_handler"):
            if _is_on_iteration(call) and _names(call.args[1:2], function.name):
                return f"the handler `{function.name}` runs in every step"
        for call in self._syntax.calls_to("Engine"):
            runs = self._names.of(call.func) in _ENGINES and _names(call.args[:1], function.name)
            if runs and not _EVALUATOR.search(self._bound_to(call) + function.name):
                return f"the engine runs `{function.name}` in every step"
        return None

    def is_step(self, function: Function) -> bool:
        """Whether a function is called as what takes one step, and is given a batch."""
        if not _STEP.match(function.name):
            return False
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        return any(_BATCH.search(name) for name in names) or function.name == "optimize_parameters"

    def is_forward(self, function: Function) -> bool:
        """Whether a function is how a module of this file is run."""
        home = self._syntax.class_of(function)
        if home is None or not isinstance(function, Function):
            return False
        if function.name in _OF_AUTOGRAD and _AUTOGRAD & self._names.bases(home):
            return self._is_applied(home)
        return function.name in _FORWARDS and self.is_module(home)

    def _is_applied(self, home: ast.ClassDef) -> bool:
        """Whether this file uses a function of autograd, and not only to export what it stands for.

        ONNX asks for its `symbolic`.
        """
        if self._names.method(home, "symbolic", depth=0):
            return False
        applied = (each for each in self._syntax.nodes(ast.Attribute) if each.attr == "apply")
        return any(self._names.definition(each.value) is home for each in applied)

    def gives_no_loss(self, function: Function) -> bool:
        """Whether a place for a loss is left empty in all that is given back: it only runs."""
        calls = (value for value in returned_by(function) if isinstance(value, ast.Call))
        losses = [given for call in calls if (given := keyword(call, "loss"))]
        return bool(losses) and all(map(self._is_nothing, losses))

    def _is_nothing(self, node: ast.expr) -> bool:
        """Whether this is None, or a name that is bound to nothing else."""
        if not isinstance(node, ast.Name):
            return is_none(node)
        bound = [self._syntax.parent(store) for store in self._names.stores(node)]
        return bool(bound) and all(
            isinstance(each, (ast.Assign, ast.AnnAssign)) and is_none(each.value) for each in bound
        )

    def refuses_training(self, home: ast.ClassDef) -> bool:
        """Whether `forward` of a class raises where it is given labels: it only runs."""
        forward = self._names.method(home, "forward", depth=0)
        for statement in forward.body if forward else ():
            match statement:
                case ast.If(
                    test=ast.Compare(
                        left=ast.Name(id="labels"),
                        ops=[ast.IsNot()],
                        comparators=[ast.Constant(None)],
                    ),
                    body=[ast.Raise()],
                ):
                    return True
        return False

    def is_loss(self, function: Function) -> bool:
        """Whether a function computes a loss: a method of a module, or one on its own, by name."""
        if _ABOUT.search(function.name) or self._serves:
            return False
        home = self._syntax.class_of(function)
        if home is not None:
            named = _LOSS_METHOD.match(function.name) is not None
            return named and self.is_module(home) and function.name != "forward"
        if not _LOSS_FUNCTION.match(function.name):
            return False
        # What makes a loss gives back a function; a loss takes what it compares.
        takes = len(function.args.args) - len(function.args.defaults)
        makes = any(isinstance(node, (ast.Lambda, ast.ClassDef)) for node in walk(function))
        return takes >= 2 and not makes and self._syntax.scope(function) is self._syntax.tree

    def is_module(self, home: ast.ClassDef) -> bool:
        """Whether a class of this file is an `nn.Module`."""
        if home not in self._modules:
            self._modules[home] = are_of_modules(self._names.bases(home))
        return self._modules[home]

    def _bound_to(self, call: ast.Call) -> str:
        statement = self._syntax.statement(call)
        return ast.unparse(statement.targets[0]) if isinstance(statement, ast.Assign) else ""


def _is_on_iteration(call: ast.Call) -> bool:
    """Whether this is `trainer.on(Events.ITERATION_COMPLETED)`, and not every n-th of them."""
    if not isinstance(call.func, ast.Attribute) or not call.args:
        return False
    event = call.args[0]
    ours = isinstance(event, ast.Attribute) and event.attr.startswith(("ITERATION_", "GET_BATCH"))
    return ours and not _EVALUATOR.search(ast.unparse(call.func.value))


@lru_cache(maxsize=10_000)
def _called_by(base: str) -> set[str]:
    """Return which methods of classes derived from this one run in every step."""
    if base in _HOOKS:
        return _HOOKS[base]
    return next((methods for family, methods in _FAMILIES if family.match(base)), set())


def _names(given: list[ast.expr], name: str) -> bool:
    """Whether this hands over a function, or a method of the class around: `self.name`."""
    return any(dotted(arg) in (name, f"self.{name}") for arg in given)


def are_of_modules(bases: Iterable[str]) -> bool:
    """Whether one of these classes is a module: torch's own, or a framework's."""
    return any(
        base in MODULES or _OF_TORCH.match(base) or _OF_LIBRARIES.match(base) for base in bases
    )
