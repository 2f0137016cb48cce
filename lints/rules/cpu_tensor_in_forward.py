"""PFL803 cpu-tensor-in-forward."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..bindings import How
from ..facts import Facts
from ..nodes import Function
from ..rule import Cost, Rule


class CpuTensorInForward(Rule):
    """A step makes a tensor on the host, and moves it in a later statement.

    ## Why it is slow
    The host fills the memory, and the copy from there makes the CPU wait. On the device, one small
    kernel does it, and nobody waits.

    ## Instead
    Give the factory the device: `mask = torch.ones(n, device=x.device)`. What depends on no input
    belongs in a buffer.

    ## When it is fine
    Where the host fills the tensor element by element before it moves (left alone).

    ## Source
    PyTorch's performance tuning guide, "Create tensors directly on the target device".
    """

    code = "PFL803"
    cost = Cost.COPY
    tokens = (".cuda(", ".to(", ".type_as(")
    needs_accelerator = True

    VALID = (
        """
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                mask = torch.ones(3, device=x.device)
                mask = mask.to(x.device)
                return x * mask
        """,
        """
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                mask = torch.zeros(3)
                for i in range(3):
                    mask[i] = i
                mask = mask.to(x.device)
                return x * mask
        """,
        """
        import torch
        mask = torch.zeros(3)
        mask = mask.to(device)
        """,
        """
        import torch
        for x in loader:
            nothing = torch.empty([0])
            p.data = nothing.to(device)
            model(x).mean().backward()
            optimizer.step()
        """,
    )
    INVALID = (
        """
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                mask = torch.ones(3)  # <-
                if x.is_cuda:
                    mask = mask.cuda()
                return x * mask
        """,
        """
        import torch
        for x in loader:
            noise = torch.randn(8, 100)  # <-
            fake = generator(noise.to(device))
            fake.mean().backward()
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the factories whose tensor is bound to a name."""
        calls = (c for c in facts.syntax.calls if facts.factories.name(c) and _target(facts, c))
        return (call for call in calls if facts.regions.hot(call) and not _is_placed(call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a factory whose tensor is first of all moved."""
        call = self.facts.call(node)
        if call is None or not (name := self.facts.factories.name(call)):
            return
        if self.facts.factories.is_empty(call):
            return
        target = _target(self.facts, call)
        hot = self.facts.hot(node)
        if target is None or hot is None or _is_placed(call):
            return
        if not self._is_moved_first(call, target):
            return
        self.report(
            node, f"`torch.{name}` makes on the host what is moved to the device later", why=hot.why
        )

    def _is_moved_first(self, call: ast.Call, target: ast.Name) -> bool:
        """Whether the first use of the name is `.to(device)`, in the same function."""
        syntax = self.facts.syntax
        own = syntax.statement(call)
        scope = syntax.scope(call)
        uses = [
            name
            for name in syntax.nodes(ast.Name)
            if name.id == target.id
            and isinstance(name.ctx, ast.Load)
            and syntax.scope(name) is scope
            and (name.lineno, name.col_offset) > (target.lineno, target.col_offset)
        ]
        if not uses or not isinstance(scope, Function | ast.Module):
            return False
        found = self.facts.bindings.reaching(uses[0], (target.id,))
        if [b.site for b in found if b.how is How.ASSIGN] != [own] or len(found) != 1:
            return False
        return self._is_move(uses[0]) and not self._is_used_beside(uses)

    def _is_used_beside(self, uses: list[ast.Name]) -> bool:
        """Whether another use sees the tensor that was not moved."""
        first = self.facts.syntax.statement(uses[0])
        moved_into = first.targets if isinstance(first, ast.Assign) else []
        rebound = any(isinstance(t, ast.Name) and t.id == uses[0].id for t in moved_into)
        return len(uses) > 1 and not rebound

    def _is_move(self, use: ast.Name) -> bool:
        attribute = self.facts.syntax.parent(use)
        call = self.facts.syntax.parent(attribute) if attribute else None
        if not isinstance(attribute, ast.Attribute) or not isinstance(call, ast.Call):
            return False
        if attribute.attr in ("cuda", "type_as"):
            return True
        given = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "device")]
        moves = any(self.facts.factories.is_device(device) for device in given)
        return attribute.attr == "to" and moves


def _target(facts: Facts, call: ast.Call) -> ast.Name | None:
    match facts.syntax.parent(call):
        case ast.Assign(targets=[ast.Name() as target], value=value) if value is call:
            return target
    return None


def _is_placed(call: ast.Call) -> bool:
    """Whether a factory is told where to make its tensor, or draws from a generator of its own."""
    return any(k.arg in ("device", "pin_memory", "generator", None) for k in call.keywords)
