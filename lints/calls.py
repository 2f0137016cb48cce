"""What calls give back: of torch, of builtins, of this file's functions, of unknown code."""

import ast
from functools import cached_property

from . import library
from .devices import Devices
from .factories import is_device_type
from .inputs import Valuer
from .loaders import Loaders
from .methods import Methods
from .names import Names
from .nodes import Function, is_abstract, keyword, returns_of
from .regions import Regions
from .roots import are_of_modules
from .syntax import Syntax
from .values import (
    DERIVED,
    LOSS,
    MODULE,
    OUTPUT,
    PLAIN,
    UNKNOWN,
    Device,
    Kind,
    Value,
    batch_of,
    combine,
    group,
    join,
)
from .vocabulary import (
    ARG_REDUCTIONS,
    CONTAINERS,
    CRITERION,
    FACTORIES,
    OPERATIONS,
    PLAIN_CALLS,
    PLAIN_PACKAGES,
    PLAIN_TORCH,
    TO_HOST,
    TUPLES,
    WITHOUT_GRAD,
    WRAPS_MODULE,
    is_module_name,
    makes_module,
)


class Calls:
    """Answers for calls; asks `values` about receivers and arguments."""

    def __init__(
        self, values: Valuer, syntax: Syntax, names: Names, regions: Regions, loaders: Loaders
    ) -> None:
        self._values = values
        self._syntax = syntax
        self._names = names
        self._regions = regions
        self._loaders = loaders
        self._devices = Devices(values, syntax, names)
        self._methods = Methods(values, self._devices)
        self._made: dict[str, ast.Call] | None = None

    def value(self, call: ast.Call) -> Value:
        """Return what a call gives back."""
        if self._loaders.is_loader(call):
            return Value(Kind.LOADER, pinned=self._loaders.pinned(call), loader=call)
        if is_device_type(self._syntax, self._names, call.func):
            return Value(Kind.TENSOR, Device.ACCELERATOR)
        if name := self._names.of(call.func):
            value = self._of_library(call, name)
            return value if value is not UNKNOWN else self._of_project(call, name)
        if builtin := self._names.builtin(call.func):
            return self._of_builtin(call, builtin)
        defined = self._names.definition(call.func)
        if isinstance(defined, ast.ClassDef):
            return MODULE if self._regions.is_module(defined) else UNKNOWN
        if defined is not None:
            own = [defined, *self._names.overriding(call)]
            own = [each for each in own if not is_abstract(each)]
            value = self._by_given(call, join([self._of_function(each) for each in own]))
            return value if value.kind is not Kind.UNKNOWN else self._of_unknown(call)
        if not isinstance(call.func, ast.Attribute):
            return self._of_module_call(call)
        told = self._methods.value(call, call.func)
        if told.kind is not Kind.UNKNOWN:
            return told
        value = self._methods.of_function(call, call.func)
        if value.kind is not Kind.UNKNOWN:
            return value
        value = self._of_own_object(call)
        if value.kind is not Kind.UNKNOWN:
            return value
        value = self._of_module_call(call)
        return told if value == UNKNOWN else value

    def _of_own_object(self, call: ast.Call) -> Value:
        """Ask the method that an object of a known class of the project runs."""
        called = self._regions.called(call)
        if isinstance(called, str):
            return self._by_given(call, self._names.outside.returned(called))
        if isinstance(called, Function) and called is not self._syntax.function(call):
            return self._by_given(call, self._of_function(called))
        return UNKNOWN

    def _by_given(self, call: ast.Call, value: Value) -> Value:
        """Take a tensor that a function makes of its arguments to lie where those lie.

        One that gives an array back for an array gives a tensor back for a tensor.
        """
        if not value.lies_somewhere:
            return value
        given = (*call.args, *(keyword.value for keyword in call.keywords))
        if not any(self._values.value(arg).on_device for arg in given):
            return value
        return value.there(Device.ACCELERATOR, certain=True)

    def _of_library(self, call: ast.Call, name: str) -> Value:
        if name in CONTAINERS:
            return self._container(call, name)
        if name.startswith(PLAIN_PACKAGES) or PLAIN_TORCH.match(name):
            return PLAIN
        if name in WRAPS_MODULE:
            return MODULE
        head, _, last = name.rpartition(".")
        if head == "torch" and (last in FACTORIES or last.endswith("Tensor")):
            return Value(Kind.TENSOR, self._devices.made_on(call))
        if head == "torch.cuda" and last.endswith("Tensor"):
            return Value(Kind.TENSOR, Device.ACCELERATOR)
        if head in ("torch", "torch.linalg", "torch.special", "torch.nn.functional"):
            known = head != "torch" or last in OPERATIONS | TUPLES | ARG_REDUCTIONS
            return self._computed(call, last) if known else UNKNOWN
        if head in ("torch.nn", "torch.nn.parameter") and last in ("Parameter", "Buffer"):
            return Value(Kind.TENSOR, Device.ACCELERATOR, grad=last == "Parameter")
        return self._of_framework(call, name, head, last)

    def _of_framework(self, call: ast.Call, name: str, head: str, last: str) -> Value:
        if last.startswith("clip_grad_norm"):
            return Value(Kind.TENSOR, Device.ACCELERATOR)
        if name == "torch.autograd.grad":
            return group([(None, Value(Kind.TENSOR, Device.ACCELERATOR))])
        if name == "torch.autograd.Variable":
            return self._values.value(call.args[0]) if call.args else UNKNOWN
        if name == "torch.load":
            return Value(Kind.NEST, Device.HOST)
        if (head == "torch.nn" and last[:1].isupper()) or library.gives_module(name):
            return MODULE
        if library.runs_module(name):
            return self._from(call, OUTPUT)
        if library.gives_tensor(name):
            return self._computed(call, last)
        if library.gives_tensors(name):
            return group([(None, self._computed(call, last))])
        if name.startswith("torchmetrics.") and last[:1].isupper():
            return MODULE
        return UNKNOWN

    def _of_project(self, call: ast.Call, name: str) -> Value:
        """Ask the file that defines a function or class which this one imports."""
        outside = self._names.outside
        if are_of_modules(outside.bases(name)):
            return MODULE
        value = self._by_given(call, outside.returned(name))
        if value.kind is not Kind.UNKNOWN or value.is_derived:
            return value
        if isinstance(call.func, ast.Attribute):
            value = self._methods.of_function(call, call.func)
            if value.kind is not Kind.UNKNOWN:
                return value
        last = name.rpartition(".")[2]
        if last[:1].isupper():
            # By custom only classes begin with a capital letter: this makes a module, or what not.
            made = is_module_name(last) or last.endswith("Loss")
            return MODULE if made or self._is_given_module(call) else self._of_unknown(call)
        return self._of_module_call(call)

    def _is_given_module(self, call: ast.Call) -> bool:
        """Whether this wraps a module, as `Task(model)` does: to call it is to run that module."""
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        return any(self._values.value(arg).kind is Kind.MODULE for arg in given)

    def _of_builtin(self, call: ast.Call, name: str) -> Value:
        if name in PLAIN_CALLS:
            return PLAIN
        if name in CONTAINERS:
            return self._container(call, name)
        if name == "next" and call.args:
            return self._first(call.args[0])
        if name in ("sum", "max", "min", "abs"):
            values = [self._values.value(arg) for arg in call.args]
            if len(values) == 1 and values[0].kind is Kind.GROUP:
                values = [values[0].held()]
            if any(value.is_tensor for value in values):
                return combine(values)
            if name == "sum" and any(value.is_derived for value in values):
                return DERIVED
            return PLAIN if all(value.kind is Kind.PLAIN for value in values) else UNKNOWN
        return UNKNOWN

    def _container(self, call: ast.Call, name: str) -> Value:
        named = [(k.arg, self._values.value(k.value)) for k in call.keywords if k.arg != "key"]
        if name.endswith(("dict", "Dict")) and name != "collections.defaultdict":
            given = [self._values.value(arg) for arg in call.args]
            return group([*(part for value in given for part in value.parts), *named])
        if (
            name in ("list", "tuple", "set", "sorted", "reversed", "collections.deque")
            and call.args
        ):
            value = self._values.value(call.args[0])
            return value if value.parts or value.kind in (Kind.GROUP, Kind.NEST) else UNKNOWN
        return group([])

    def _first(self, source: ast.expr) -> Value:
        """Return what `next(iter(loader))` gives: a batch that lies on the host."""
        match source:
            case ast.Call(func=ast.Name(id="iter"), args=[inner]):
                source = inner
        supply = self._loaders.supply(source)
        if supply.loaders and supply.complete and not supply.prepared:
            loader = min(supply.loaders, key=lambda made: made.lineno)
            pinned = self._loaders.supplied_pinned(source)
            return batch_of(loader, pinned)
        value = self._values.value(source)
        if value.kind is Kind.LOADER:
            return batch_of(value.loader, value.pinned)
        return value.held() if value.kind is Kind.GROUP else UNKNOWN

    def _of_function(self, function: Function) -> Value:
        return (
            self._of_forward(function) if function.name == "forward" else self.given_back(function)
        )

    def _of_forward(self, forward: Function) -> Value:
        """Return the output of a module; of a tuple, the sizes that it gives beside tensors."""
        given = [each.elts for each in _returns(forward) if isinstance(each, ast.Tuple)]
        if len(given) != 1 or len(_returns(forward)) != 1:
            return OUTPUT
        plain = [self._values.value(part) == PLAIN for part in given[0]]
        if not any(plain):
            return OUTPUT
        return group((n, PLAIN if is_plain else OUTPUT) for n, is_plain in enumerate(plain))

    def given_back(self, function: Function) -> Value:
        """Return what a function of this file gives back."""
        if function in self._generators:
            return UNKNOWN
        returned = _returns(function)
        return join([self._values.value(value) for value in returned]) if returned else PLAIN

    @cached_property
    def _generators(self) -> set[ast.AST]:
        """The functions that yield."""
        return {self._syntax.scope(each) for each in self._syntax.nodes(ast.Yield, ast.YieldFrom)}

    def _of_unknown(self, call: ast.Call) -> Value:
        """What unknown code makes of tensors on the device lies there too, or was read already."""
        if TO_HOST.search(_name(call.func)):
            return UNKNOWN
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        values = (self._values.value(arg) for arg in given)
        return DERIVED if any(value.holds_device_tensors for value in values) else UNKNOWN

    def _of_module_call(self, call: ast.Call) -> Value:
        called = self._values.value(call.func)
        if called.kind is Kind.MODULE:
            return LOSS if self._is_loss(call.func) else self._from(call, OUTPUT)
        if called.kind is not Kind.UNKNOWN:
            return UNKNOWN
        if called.is_derived and not isinstance(call.func, ast.Attribute):
            return DERIVED
        name = _name(call.func)
        if CRITERION.match(name):
            return self._from(call, OUTPUT)
        if name == "self" and (home := self._names.own_class(call)):
            return self._from(call, OUTPUT) if self._regions.is_module(home) else UNKNOWN
        if is_module_name(name):
            return self._from(call, OUTPUT)
        if makes_module(name):
            return MODULE
        if isinstance(call.func, ast.Attribute):
            value = self._methods.of_unknown(call, call.func)
            if value.kind is not Kind.UNKNOWN or value.is_derived:
                return value
        return self._of_unknown(call)

    def is_criterion(self, node: ast.AST) -> bool:
        """Whether this calls something that is named as a loss function."""
        return isinstance(node, ast.Call) and bool(CRITERION.match(_name(node.func)))

    def _from(self, call: ast.Call, value: Value) -> Value:
        """A module's output; without a graph where autograd is off."""
        return value.but(grad=False) if self._regions.without_grad(call) else value

    def _is_loss(self, func: ast.expr) -> bool:
        """Whether a module is a loss: one of torch, or of this file where it gives one tensor."""
        made = func if isinstance(func, ast.Call) else self._made_by().get(ast.unparse(func))
        if not isinstance(made, ast.Call):
            return False
        if name := self._names.of(made.func):
            # Other packages' losses may give more than one thing.
            return name.startswith("torch.") and name.endswith("Loss")
        home = self._names.definition(made.func)
        if not isinstance(home, ast.ClassDef) or not home.name.endswith(("Loss", "loss")):
            return False
        forward = self._names.method(home, "forward")
        returned = _returns(forward) if forward else []
        kinds = {self._values.value(value).kind for value in returned}
        return bool(kinds) and kinds <= {Kind.TENSOR, Kind.NEST, Kind.UNKNOWN}

    def _made_by(self) -> dict[str, ast.Call]:
        """Return the calls that names are bound to, as in `self.criterion = nn.MSELoss()`."""
        if self._made is None:
            self._made = {
                ast.unparse(target): statement.value
                for statement in self._syntax.nodes(ast.Assign)
                if isinstance(statement.value, ast.Call)
                for target in statement.targets
                if isinstance(target, (ast.Name, ast.Attribute))
            }
        return self._made

    def _computed(self, call: ast.Call, name: str) -> Value:
        parts: list[Value] = []
        for arg in call.args:
            value = self._values.value(arg)
            parts += [part for _, part in value.parts] if value.kind is Kind.GROUP else [value]
        value = combine(parts, grad=name not in WITHOUT_GRAD)
        if given := keyword(call, "device"):
            value = value.but(device=self._devices.named(given))
        tuple_like = name in TUPLES and len(call.args) + len(call.keywords) > 1
        return value.but(kind=Kind.NEST) if tuple_like and name not in ("max", "min") else value


def _returns(function: Function) -> list[ast.expr]:
    return [each.value for each in returns_of(function) if each.value is not None]


def _name(node: ast.AST) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case ast.Subscript(value=value):
            return _name(value)
    return ""
