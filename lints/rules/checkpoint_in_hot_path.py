"""PFL604 checkpoint-in-hot-path."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..nodes import Loop
from ..outside import Place
from ..rule import Rule

_METHODS = ("save_pretrained", "save_checkpoint", "save_state", "save_model")
_SAVES = ("torch.save", "torch.distributed.checkpoint.save", "safetensors.torch.save_file")


class CheckpointInHotPath(Rule):
    """A checkpoint is written in every training step.

    ## Why it is slow
    All weights are copied to the host, which waits for the device, then pickled and written to
    disk, while the GPU idles. That takes seconds where a step takes a fraction of one.

    ## Instead
    Save every N steps or once per epoch; `torch.distributed.checkpoint.async_save` writes in the
    background.

    ## When it is fine
    Under any condition (`if step % 1000 == 0`, `if loss < best`), between epochs, and where one
    step is one epoch, as with graphs that fit in one batch.

    ## Source
    PyTorch documentation of `torch.distributed.checkpoint.async_save`: what of a checkpoint stands
    in the way of training.
    """

    code = "PFL604"
    preview = True
    tokens = ("save",)

    VALID = (
        """
        import torch
        for epoch in range(9):
            for step, x in enumerate(loader):
                loss = model(x).mean()
                loss.backward()
                optimizer.step()
                if step % 1000 == 0:
                    torch.save(model.state_dict(), path)
                if loss < best:
                    torch.save(model.state_dict(), path)
            torch.save(model.state_dict(), path)
        """,
        """
        import torch
        for epoch in range(9):
            model(everything).mean().backward()
            optimizer.step()
            torch.save(model.state_dict(), path)
        """,
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            image.save(path)
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            torch.save(model.state_dict(), path)  # <-
        """,
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            if rank == 0:
                model.save_pretrained(path)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that write checkpoints."""
        calls = facts.syntax.calls
        return (c for c in calls if _last(c) in _METHODS or facts.names.of(c.func) in _SAVES)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a checkpoint that nothing keeps from being written in every step."""
        call = self.facts.call(node)
        if call is None:
            return
        if _last(call) not in _METHODS and self.facts.names.of(call.func) not in _SAVES:
            return
        hot = self.facts.hot(node)
        if hot is None or hot.place is Place.FORWARD or self.facts.by_choice(call):
            return
        if not self._is_in_epoch(call):
            self.report(node, "a checkpoint is written in every step", why=hot.why)

    def _is_in_epoch(self, call: ast.Call) -> bool:
        """Whether the loop around counts epochs, or the function is called in one that does."""
        for _, parent in self.facts.syntax.ancestors(call):
            if isinstance(parent, Loop):
                head = parent.test if isinstance(parent, ast.While) else parent.target
                return "epoch" in ast.unparse(head).lower()
        return False


def _last(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""
