"""PFL503 missing-no-sync."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..markers import takes_the_step
from ..nodes import Loop
from ..rule import Rule

_WRAPPER = "torch.nn.parallel.DistributedDataParallel"
# These hold back the exchange of gradients by themselves, or exchange them otherwise.
_OTHERS = ("accelerate", "deepspeed", "pytorch_lightning", "lightning", "horovod", "ignite")
_HOLDS_BACK = {"no_sync", "require_backward_grad_sync", "set_requires_gradient_sync"}


class MissingNoSync(Rule):
    """Gradients are accumulated over several batches, but exchanged between GPUs after each.

    ## Why it is slow
    `DistributedDataParallel` starts its all-reduce in every backward pass. With gradients
    accumulated over k batches, k-1 of k exchanges are for nothing.

    ## Instead
    `with model.no_sync():` around the forward and backward passes of all batches but the last.

    ## When it is fine
    With FSDP, where holding back costs memory, and where a framework does it for you (Accelerate,
    DeepSpeed, Lightning: left alone).

    ## Source
    PyTorch documentation of `DistributedDataParallel.no_sync`; the performance tuning guide, "Skip
    unnecessary all-reduce if training with DistributedDataParallel and gradient accumulation".
    """

    code = "PFL503"
    tokens = ("DistributedDataParallel",)

    VALID = (
        """
        import torch
        from torch.nn.parallel import DistributedDataParallel as DDP
        model = DDP(model)
        for step, x in enumerate(loader):
            with model.no_sync() if (step + 1) % 4 else nullcontext():
                model(x).mean().backward()
            if (step + 1) % 4 == 0:
                optimizer.step()
        """,
        """
        import torch
        from torch.nn.parallel import DistributedDataParallel as DDP
        model = DDP(model)
        for step, x in enumerate(loader):
            model(x).mean().backward()
            optimizer.step()
            if step % 10 == 0:
                print(step)
        """,
        """
        import torch
        from torch.nn.parallel import DistributedDataParallel as DDP
        if isinstance(model, DDP):
            model = model.module
        for step, x in enumerate(loader):
            model(x).mean().backward()
            if (step + 1) % 4 == 0:
                optimizer.step()
        """,
    )
    INVALID = (
        """
        import torch
        from torch.nn.parallel import DistributedDataParallel as DDP
        model = DDP(model)
        for step, x in enumerate(loader):
            (model(x).mean() / 4).backward()  # <-
            if (step + 1) % 4 == 0:
                optimizer.step()
        """,
        """
        import torch
        net = torch.nn.parallel.DistributedDataParallel(net, device_ids=[0])
        for step, x in enumerate(loader):
            scaler.scale(net(x).mean()).backward()  # <-
            if (step + 1) % accumulate == 0 or step + 1 == len(loader):
                scaler.step(optimizer)
                scaler.update()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the backward passes of a file that wraps a model."""
        if not any(facts.names.of(call.func) == _WRAPPER for call in facts.syntax.calls):
            return ()
        return facts.syntax.calls_to("backward")

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a backward pass in every step, where the update comes every N steps."""
        call = self.facts.call(node)
        if call is None or not isinstance(call.func, ast.Attribute):
            return
        if call.func.attr != "backward" or not self._wraps_and_syncs():
            return
        hot = self.facts.hot(node)
        loop = self.facts.regions.step_loop(call)
        if hot is None or loop is None or not self._updates_rarely(loop):
            return
        self.report(node, "gradients are exchanged for batches without an update", why=hot.why)

    def _wraps_and_syncs(self) -> bool:
        facts = self.facts
        if not any(facts.names.of(call.func) == _WRAPPER for call in facts.syntax.calls):
            return False
        attributes = {node.attr for node in facts.syntax.nodes(ast.Attribute)}
        return not attributes & _HOLDS_BACK and not facts.names.imports(*_OTHERS)

    def _updates_rarely(self, loop: Loop) -> bool:
        """Whether every update in the loop stands under a condition that counts with `%`."""
        updates = [
            call
            for call in self.facts.syntax.calls
            if takes_the_step(call) and self.facts.regions.step_loop(call) is loop
        ]
        return bool(updates) and all(self._is_counted(call, loop) for call in updates)

    def _is_counted(self, call: ast.Call, loop: Loop) -> bool:
        for child, parent in self.facts.syntax.ancestors(call):
            if parent is loop:
                return False
            if isinstance(parent, ast.If) and child in parent.body:
                parts = ast.walk(parent.test)
                if any(isinstance(p, ast.BinOp) and isinstance(p.op, ast.Mod) for p in parts):
                    return True
        return False
