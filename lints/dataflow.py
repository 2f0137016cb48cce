"""Works out what expressions hold, by following names back to what they were bound to."""

import ast

from .bindings import Binding, Bindings, How, Path
from .calls import Calls
from .checks import Checks
from .containers import Containers, Filling, key_of
from .evidence import Evidence
from .feeding import Feeding
from .finding import Confidence
from .inputs import Inputs
from .loaders import Loaders
from .members import UNPACKED, attribute_of, element_of
from .names import Names
from .nodes import Function, literal_text, path_of
from .regions import Regions
from .syntax import Syntax
from .values import (
    DERIVED,
    NONE,
    PLAIN,
    UNKNOWN,
    Device,
    Kind,
    Value,
    combine,
    group,
    join,
)
from .vocabulary import (
    DTYPES,
    LOSS_NAME,
    PLAIN_TORCH,
)

# Longer chains than this are generated code; following them costs more than it finds.
_DEEPEST = 40


class Dataflow:
    """Answers what an expression holds. Each answer is worked out once."""

    def __init__(
        self,
        syntax: Syntax,
        names: Names,
        regions: Regions,
        bindings: Bindings,
        loaders: Loaders,
        feeding: Feeding,
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._regions = regions
        self._bindings = bindings
        self._evidence = Evidence(syntax, bindings, feeding)
        self._calls = Calls(self, syntax, names, regions, loaders)
        self._inputs = Inputs(self, syntax, names, regions, loaders)
        self._containers = Containers(syntax, feeding)
        self._checks = Checks(syntax, names)
        self._known: dict[ast.AST, Value] = {}
        # The questions that are open, with their depth; and answers that rest on one of these.
        self._asked: dict[ast.AST, int] = {}
        self._provisional: dict[ast.AST, Value] = {}
        self._rests_on = _DEEPEST

    def value(self, node: ast.AST) -> Value:
        """Return what an expression holds; UNKNOWN while that very question is being answered."""
        if node in self._known:
            return self._known[node]
        if node in self._provisional:
            self._rests_on = 0
            return self._provisional[node]
        if node in self._asked or len(self._asked) >= _DEEPEST:
            # What is cut short is worked out anew by whoever asks for it first.
            self._rests_on = min(self._rests_on, self._asked.get(node, 0))
            return UNKNOWN
        return self._answer(node)

    def _answer(self, node: ast.AST) -> Value:
        """Work out a value, and keep it for good unless it rests on a question still open."""
        depth, before = len(self._asked), self._rests_on
        self._asked[node] = depth
        self._rests_on = _DEEPEST
        try:
            value = self._work_out(node)
        finally:
            del self._asked[node]
            rests_on, self._rests_on = self._rests_on, min(before, self._rests_on)
        (self._known if rests_on >= depth else self._provisional)[node] = value
        if not depth:
            self._provisional.clear()
            self._rests_on = _DEEPEST
        return value

    def _work_out(self, node: ast.AST) -> Value:
        match node:
            case ast.Constant(value=None):
                return NONE
            case ast.Constant() | ast.JoinedStr() | ast.Lambda():
                return PLAIN
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                return group(self._placed(n, element) for n, element in enumerate(elements))
            case ast.Dict(keys=keys, values=values):
                return group(self._named(keys, values))
            case ast.ListComp(elt=each) | ast.SetComp(elt=each) | ast.GeneratorExp(elt=each):
                return group([(None, self.value(each))])
            case ast.DictComp(value=each):
                return group([(None, self.value(each))])
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return self._reference(node)
            case ast.Call():
                return self._calls.value(node)
            case ast.BinOp(left=left, right=right):
                return self._operation([left, right])
            case ast.UnaryOp(op=op, operand=operand):
                return PLAIN if isinstance(op, ast.Not) else self._operation([operand])
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._comparison([left, *others], ops)
            case ast.IfExp(body=body, orelse=orelse):
                return join([self.value(body), self.value(orelse)])
            case ast.NamedExpr(value=value) | ast.Starred(value=value):
                return self.value(value)
            case ast.BoolOp(values=values):
                return join([self.value(value) for value in values])
        return UNKNOWN

    def _placed(self, number: int, element: ast.expr) -> tuple[int | None, Value]:
        if isinstance(element, ast.Starred):
            return None, self.part(self.value(element.value), (None,))
        return number, self.value(element)

    def _named(
        self, keys: list[ast.expr | None], values: list[ast.expr]
    ) -> list[tuple[str | int | None, Value]]:
        found: list[tuple[str | int | None, Value]] = []
        for key, value in zip(keys, values, strict=True):
            if key is not None:
                found.append((key_of(key), self.value(value)))
            elif (spread := self.value(value)).kind is Kind.GROUP:
                found += spread.parts
            else:
                found.append((None, self.part(spread, (None,))))
        return found

    def _operation(self, operands: list[ast.expr], *, grad: bool = True) -> Value:
        if literal_text(operands[0]) or isinstance(operands[0], ast.JoinedStr):
            return PLAIN
        values = [self.value(operand) for operand in operands]
        kinds = {value.kind for value in values}
        if kinds & {Kind.TENSOR, Kind.NEST}:
            return UNKNOWN if Kind.GROUP in kinds else combine(values, grad=grad)
        if kinds <= {Kind.GROUP, Kind.PLAIN}:
            return join(values)  # `[loss] * 3`, `losses + [loss]`
        return DERIVED if any(value.is_derived for value in values) else UNKNOWN

    def _comparison(self, operands: list[ast.expr], ops: list[ast.cmpop]) -> Value:
        if any(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in ops):
            return PLAIN
        if any(isinstance(o, ast.Constant) and isinstance(o.value, str | None) for o in operands):
            return PLAIN
        return self._operation(operands, grad=False)

    def _reference(self, node: ast.Name | ast.Attribute | ast.Subscript) -> Value:
        value = self._referred(node)
        vague = value.kind in (Kind.UNKNOWN, Kind.NEST) or value.confidence is Confidence.POSSIBLE
        if vague and path_of(node) and self._checks.says_tensor(node):
            return value.but(kind=Kind.TENSOR, confidence=Confidence.LIKELY, parts=())
        return value

    def _referred(self, node: ast.Name | ast.Attribute | ast.Subscript) -> Value:
        imported = self._names.of(node)
        if imported is not None:
            return PLAIN if imported in DTYPES or PLAIN_TORCH.match(imported) else UNKNOWN
        path = path_of(node)
        if path is None:
            return self._member(node)
        found = self._bindings.reaching(node, path)
        if not found:
            return self._from_outside(node, path)
        if any(binding.path != path for binding in found):
            return self._whole_or_member(node, path, found)
        value = join([self._bound(binding) for binding in self._settled(found)])
        return self._evidence.added(node, path, found, self._filled(node, path, value))

    def _filled(self, node: ast.AST, path: Path, value: Value) -> Value:
        """Add what is put into a container after it is made."""
        if value.kind is not Kind.GROUP and not value.parts:
            return value
        fillings = [f for f in self._containers.fillings(node, path) if f.source not in self._asked]
        if not fillings:
            return value
        parts = [part for filling in fillings for part in self._put_in(filling)]
        return group([*value.parts, *parts])

    def _put_in(self, filling: Filling) -> list[tuple[str | int | None, Value]]:
        value = self.value(filling.source)
        if filling.spread and value.kind is Kind.GROUP and not filling.wrapped:
            return list(value.parts)
        if filling.spread:
            value = self.part(value, (None,))
        return [(filling.key, group([(None, value)]) if filling.wrapped else value)]

    def _settled(self, found: list[Binding]) -> list[Binding]:
        """Leave out a binding that only passes on the value which is being worked out."""
        open_ones = [b for b in found if b.source in self._asked]
        if not open_ones or len(open_ones) == len(found):
            return found
        self._rests_on = min(
            self._rests_on, *(self._asked[b.source] for b in open_ones if b.source)
        )
        return [binding for binding in found if binding not in open_ones]

    def _whole_or_member(self, node: ast.expr, path: Path, found: list[Binding]) -> Value:
        if not isinstance(node, (ast.Attribute, ast.Subscript)):
            return UNKNOWN
        if all(binding.path == path[: len(binding.path)] != path for binding in found):
            own = path[0] in ("self", "cls") and all(b.path == path[:1] for b in found)
            return self._of_self(node, path) if own else self._member(node, path)
        return UNKNOWN

    def _member(self, node: ast.AST, path: Path | None = None) -> Value:
        match node:
            case ast.Attribute(value=owner, attr=attr):
                value = attribute_of(self.value(owner), attr)
            case ast.Subscript(value=owner, slice=key):
                value = element_of(self.value(owner), key)
            case _:
                return UNKNOWN
        return self._evidence.added(node, path, [], value) if path else value

    def _of_self(self, node: ast.Attribute | ast.Subscript, path: Path) -> Value:
        """Follow `self.x` to all that the methods of the class assign to it."""
        home = self._names.own_class(node)
        own = path[:2]
        if home is None or len(path) != 2:
            return self._member(node, path) if len(path) > 2 else UNKNOWN
        found = self._bindings.of_methods(home, self._names.methods(home), own)
        values = [self._bound(binding) for binding in self._settled(found)]
        # `self.loss = None` in `__init__` only declares it.
        values = [v for v in values if v.kind is not Kind.PLAIN] or values
        value = self._filled(node, path, join(values)) if values else UNKNOWN
        if value.kind is Kind.UNKNOWN and (buffer := self._registered(node, home)) != UNKNOWN:
            value = buffer
        return self._evidence.added(node, path, [], value)

    def _registered(self, node: ast.Attribute | ast.Subscript, home: ast.ClassDef) -> Value:
        """Follow `self.register_buffer("mean", ...)`: it moves with the module."""
        for call in self._syntax.calls_to("register_buffer", "register_parameter"):
            named = call.args[0] if call.args else None
            if not isinstance(named, ast.Constant) or not isinstance(node, ast.Attribute):
                continue
            if named.value == node.attr and self._names.own_class(call) is home:
                return Value(Kind.TENSOR, Device.ACCELERATOR)
        return UNKNOWN

    def _from_outside(self, node: ast.expr, path: Path) -> Value:
        """Follow a name into the function or module around: any binding there may be the one."""
        scope = self._names.home(node, path[0])
        if scope is None or scope is self._syntax.scope(node):
            return self._member(node, path) if len(path) > 1 else UNKNOWN
        found = self._bindings.everywhere(scope, path)
        if not found:
            return self._member(node, path) if len(path) > 1 else UNKNOWN
        value = join([self._bound(binding) for binding in self._settled(found)])
        return self._evidence.added(node, path, [], self._filled(node, path, value))

    def _bound(self, binding: Binding) -> Value:
        match binding:
            case Binding(how=How.ASSIGN, source=source, at=at) if source is not None:
                value = self._unpacked(source, at)
                if at and value.is_tensor and _unpacks_itself(binding):
                    value = value.but(kind=Kind.NEST)
                if value.grad and self._regions.without_grad(source):
                    value = value.but(grad=False)
                if at and value.kind is Kind.NEST and self._calls.is_criterion(source):
                    # Beside losses, a criterion may give counts and logs.
                    return value if LOSS_NAME.search(binding.path[-1]) else DERIVED
                return value
            case Binding(how=How.REST, source=source, at=at) if source is not None:
                return group([(None, self._unpacked(source, at))])
            case Binding(how=How.AUGMENT, source=ast.AugAssign(target=target, value=value)):
                return self._operation([target, value])
            case Binding(how=How.ITEM, source=source, site=site, at=at) if source is not None:
                return self._inputs.item(source, site, at)
            case Binding(how=How.PARAMETER, site=site, source=ast.arg() as arg):
                return self._inputs.parameter(site, arg)
        return UNKNOWN

    def _unpacked(self, source: ast.AST, at: tuple[int | None, ...]) -> Value:
        if not at:
            return self.value(source)
        number = at[0]
        if isinstance(source, (ast.Tuple, ast.List)) and not any(
            isinstance(element, ast.Starred) for element in source.elts
        ):
            if number is None or number >= len(source.elts):
                return join([self.value(element) for element in source.elts])
            return self._unpacked(source.elts[number], at[1:])
        return self.part(self.value(source), at)

    def part(self, value: Value, at: tuple[int | None, ...] = (None,)) -> Value:
        """Return what comes out of a value by unpacking it, at these places."""
        if value.kind is Kind.GROUP and at:
            return self.part(value.held(at[0]), at[1:])
        return value if not at or value.kind in UNPACKED or value.is_derived else UNKNOWN

    def given_back(self, function: Function, at: tuple[int | None, ...] = ()) -> Value:
        """Return what a function of this file gives back, or one part of its tuple."""
        return self.part(self._calls.given_back(function), at)


def _unpacks_itself(binding: Binding) -> bool:
    """Whether this is `loss, more = loss`: what is unpacked was a tuple, whatever it is now."""
    match binding.site, binding.source:
        case ast.Assign(targets=[ast.Tuple(elts=elements)]), ast.Name(id=name):
            return any(isinstance(each, ast.Name) and each.id == name for each in elements)
    return False
