"""PFL212 cuda-in-dataset."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..rule import Rule


class CudaInDataset(Rule):
    """A dataset, or the function that collates its items, moves tensors to the GPU.

    ## Why it is slow
    Worker processes are forked, and CUDA cannot be used in a fork of a process that uses it: with
    workers this fails, and without them the training process copies each item by itself, in many
    small copies that nothing overlaps.

    ## Instead
    Return tensors on the host, pin them (`pin_memory=True`), and copy the whole batch in the
    training loop with `non_blocking=True`.

    ## When it is fine
    Where all data fits on the device and lies there from the start, with `num_workers=0`.

    ## Source
    `torch.utils.data` documentation ("CUDA in multiprocessing": it is not recommended to return
    CUDA tensors in multi-process loading).
    """

    preview = True
    code = "PFL212"
    tokens = (".cuda(", ".to(")
    hot_only = False
    severity = Severity.ERROR
    needs_accelerator = True

    VALID = (
        """
        import torch
        from torch.utils.data import DataLoader, Dataset
        class Images(Dataset):
            def __getitem__(self, i):
                return self.images[i].to(torch.float32)
        loader = DataLoader(Images(), num_workers=4)
        """,
        """
        import torch
        from torch.utils.data import DataLoader, Dataset
        class Images(Dataset):
            def __getitem__(self, i):
                return self.images[i].cuda()
        loader = DataLoader(Images(), num_workers=0)
        """,
        """
        import torch
        class Images:
            def __getitem__(self, i):
                return self.images[i].cuda()
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        def collate(batch):
            return torch.stack(batch).to(device)
        loader = DataLoader(dataset, num_workers=4, collate_fn=collate)
        """,
    )
    INVALID = (
        """
        import torch
        from torch.utils.data import DataLoader, Dataset
        class Images(Dataset):
            def __getitem__(self, i):
                return self.images[i].cuda()  # <-
        loader = DataLoader(Images(), num_workers=4)
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        def collate(batch):
            return torch.stack(batch).to("cuda")  # <-
        loader = DataLoader(dataset, num_workers=workers, collate_fn=collate)
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        device = torch.device("cuda:0")
        def collate(batch):
            return torch.stack(batch).to(device)  # <-
        loader = DataLoader(dataset, num_workers=4, collate_fn=collate)
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the copies to the GPU in datasets."""
        return (c for c in facts.syntax.calls_to("to", "cuda") if facts.worker_code.touches_gpu(c))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `.cuda()` and `.to("cuda")` in code that runs in worker processes."""
        call = self.facts.call(node)
        if call is None or self.facts.is_test_code:
            return
        worker_code = self.facts.worker_code
        if worker_code.touches_gpu(call) and (where := worker_code.runs_in_workers(call)):
            self.report(node, f"a copy to the GPU in `{where}`, which workers run")
