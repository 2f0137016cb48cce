"""PFL511 gloo-with-cuda."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..conditions import always_runs
from ..facts import Facts
from ..rule import Rule
from ..switches import literal

_INIT = "torch.distributed.init_process_group"
_WRAPPER = "torch.nn.parallel.DistributedDataParallel"


class GlooWithCuda(Rule):
    """Processes that train on GPUs exchange their gradients by way of `gloo`.

    ## Why it is slow
    `gloo` takes each bucket of gradients to the host and exchanges it there. `nccl` does it between
    the GPUs, over NVLink or InfiniBand where there is any, while the backward pass goes on.

    ## Instead
    `init_process_group("nccl")`, or no backend at all: PyTorch then takes `nccl` for tensors on the
    GPU and `gloo` for those on the host.

    ## When it is fine
    On the CPU, and on platforms without NCCL.

    ## Source
    PyTorch documentation of `torch.distributed`, "Which backend to use?".
    """

    code = "PFL511"
    preview = True
    tokens = ("init_process_group",)
    hot_only = False
    needs_accelerator = True

    VALID = (
        """
        import torch
        from torch.nn.parallel import DistributedDataParallel as DDP
        torch.distributed.init_process_group("nccl")
        model = DDP(model.cuda())
        """,
        """
        import torch
        from torch.nn.parallel import DistributedDataParallel as DDP
        torch.distributed.init_process_group("gloo")
        model = DDP(model)
        """,
        """
        import torch
        from torch.nn.parallel import DistributedDataParallel as DDP
        if not torch.cuda.is_available():
            torch.distributed.init_process_group("gloo")
        model = DDP(model.cuda())
        """,
    )
    INVALID = (
        """
        import torch
        from torch.nn.parallel import DistributedDataParallel as DDP
        torch.distributed.init_process_group("gloo", rank=rank)  # <-
        model = DDP(model.cuda())
        """,
        """
        import torch.distributed as dist
        from torch.nn.parallel import DistributedDataParallel as DDP
        dist.init_process_group(backend="gloo")  # <-
        model = DDP(model.to("cuda:0"), device_ids=[0])
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that set the backend."""
        return (call for call in facts.syntax.calls if facts.names.of(call.func) == _INIT)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a literal `gloo` in a file that wraps a model on a GPU."""
        call = self.facts.call(node)
        if call is None or self.facts.name(node.func) != _INIT or self.facts.is_test_code:
            return
        if literal(call, "backend") != "gloo" or not always_runs(self.facts.syntax, call):
            return
        if self._trains_on_gpus():
            self.report(node, "gradients are exchanged by way of the host")

    def _trains_on_gpus(self) -> bool:
        syntax, names = self.facts.syntax, self.facts.names
        if not any(names.of(call.func) == _WRAPPER for call in syntax.calls):
            return False
        texts = syntax.nodes(ast.Constant)
        on_gpu = any(isinstance(t.value, str) and t.value.startswith("cuda") for t in texts)
        other = any(t.value == "nccl" for t in texts)
        return (on_gpu or bool(syntax.calls_to("cuda"))) and not other
