"""PFL805 loop-invariant-transfer."""

import ast
from collections.abc import Iterable
from functools import cached_property

import libcst as cst

from ..bindings import Binding
from ..facts import Facts
from ..nodes import path_of
from ..rule import Cost, Rule
from ..values import Device, Kind


class LoopInvariantTransfer(Rule):
    """The same tensor is copied to the device in every step.

    ## Why it is slow
    The copy starts anew each time (from pageable memory, so the CPU waits for it), though its
    source was made once, before the loop or in `__init__`.

    ## Instead
    Move it once, where it is made; in a module, `self.register_buffer("anchors", anchors)`, which
    then moves with the module.

    ## When it is fine
    Where the tensor changes on the host from step to step, and where it is too large to stay on the
    device.

    ## Source
    PyTorch documentation of `torch.nn.Module.register_buffer`; the performance tuning guide,
    "Avoid unnecessary CPU-GPU synchronization".
    """

    code = "PFL805"
    cost = Cost.COPY
    tokens = (".cuda(", ".to(")
    needs_accelerator = True

    VALID = (
        """
        import torch
        weights = torch.tensor([1.0, 2.0]).cuda()
        for x in loader:
            x = x.cuda()
            part = torch.zeros(3)
            loss = (model(x) * weights * part.cuda()).mean()
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        weights = torch.tensor([1.0, 2.0])
        for x in loader:
            weights = weights.to(device)
            loss = (model(x) * weights).mean()
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        counts = torch.zeros(3)
        for x in loader:
            counts[0] += 1
            loss = (model(x) * counts.to(device)).mean()
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.register_buffer("anchors", torch.arange(9))
                self.scale = torch.ones(3)
            def forward(self, x):
                self.scale = self.scale.to(x.device)
                return x + self.anchors.to(x.device) * self.scale
        """,
    )
    INVALID = (
        """
        import torch
        weights = torch.tensor([1.0, 2.0])
        for x in loader:
            loss = (model(x) * weights.cuda()).mean()  # <-
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.anchors = torch.arange(9)
            def forward(self, x):
                return x + self.anchors.to(x.device)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that move what has a name and is made on the host."""
        for call in facts.syntax.calls_to("cuda", "to"):
            path = path_of(call.func.value) if isinstance(call.func, ast.Attribute) else None
            if path and facts.regions.hot(call) and _made_on_host(facts, call, path):
                yield call

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a move of what was made on the host before, and does not change."""
        call = self.facts.call(node)
        if call is None or not isinstance(call.func, ast.Attribute):
            return
        if call.func.attr not in ("cuda", "to") or not self._goes_to_device(call):
            return
        source = call.func.value
        path = path_of(source)
        hot = self.facts.hot(node)
        if hot is None or path is None or not self._was_made_before(call, source, path):
            return
        self.report(
            node,
            "the same tensor is copied to the device in every step",
            why=hot.why,
            severity=self.facts.severity(self.severity, hot),
        )

    def _goes_to_device(self, call: ast.Call) -> bool:
        if isinstance(call.func, ast.Attribute) and call.func.attr == "cuda":
            return True
        given = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "device")]
        return any(self.facts.factories.is_device(device) for device in given)

    def _was_made_before(self, call: ast.Call, source: ast.expr, path: tuple[str, ...]) -> bool:
        """Whether all that binds the name makes a tensor on the host, once."""
        bindings = _made_on_host(self.facts, call, path)
        if not bindings or any(self._changes(call, binding) for binding in bindings):
            return False
        value = self.facts.dataflow.value(source)
        if value.kind is not Kind.TENSOR or value.device is not Device.HOST:
            return False
        return path not in self._written

    def _changes(self, call: ast.Call, binding: Binding) -> bool:
        """Whether a binding may run in every step, as the move does."""
        if self.facts.regions.hot(binding.site) is not None:
            return True
        function = self.facts.syntax.function(call)
        loop = self.facts.regions.step_loop(call)
        local = function is not None and self.facts.syntax.function(binding.site) is function
        # Without a loop of its own, the function makes it anew whenever it is called.
        return local and loop is None

    @cached_property
    def _written(self) -> set[tuple[str, ...] | None]:
        """The names of what is written into: `x[i] = 1`, `x += 1`, `x.add_(1)`."""
        syntax = self.facts.syntax
        written = {path_of(statement.target) for statement in syntax.nodes(ast.AugAssign)}
        parts: list[ast.Subscript | ast.Attribute] = [
            *syntax.nodes(ast.Subscript),
            *syntax.nodes(ast.Attribute),
        ]
        for node in parts:
            in_place = isinstance(node, ast.Attribute) and node.attr.endswith("_")
            if in_place or not isinstance(node.ctx, ast.Load):
                written.add(path_of(node.value))
        return written


def _made_on_host(facts: Facts, call: ast.Call, path: tuple[str, ...]) -> list[Binding]:
    """Return what binds a name, where all of it makes a new tensor."""
    bindings = _bindings(facts, call, path)
    made = (binding.source for binding in bindings)
    only = all(isinstance(m, ast.Call) and facts.factories.name(m) for m in made)
    return bindings if only else []


def _bindings(facts: Facts, call: ast.Call, path: tuple[str, ...]) -> list[Binding]:
    if path[0] in ("self", "cls"):
        home = facts.names.own_class(call)
        methods = facts.names.methods(home) if home and len(path) == 2 else []
        return facts.bindings.of_methods(home, methods, path) if home and methods else []
    scope = facts.names.home(call, path[0])
    return facts.bindings.everywhere(scope, path) if scope and len(path) == 1 else []
