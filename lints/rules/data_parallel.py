"""PFL501 data-parallel."""

import libcst as cst

from ..rule import Rule


class DataParallel(Rule):
    """`torch.nn.DataParallel` splits every batch over the GPUs from one Python process.

    ## Why it is slow
    In every step it copies the module to each GPU, scatters the batch, and gathers the outputs on
    the first GPU. The threads that drive the GPUs share one interpreter lock.

    ## Instead
    `torch.nn.parallel.DistributedDataParallel` with one process per GPU, also on a single machine.

    ## When it is fine
    In a notebook or a quick look at a model, where starting processes is not worth it.
    """

    code = "PFL501"
    tokens = ("DataParallel",)
    hot_only = False

    VALID = (
        """
        import torch
        model = torch.nn.parallel.DistributedDataParallel(model)
        """,
        """
        import torch
        from torch import nn
        if isinstance(model, nn.DataParallel):
            model = model.module
        """,
        """
        from elsewhere import DataParallel
        model = DataParallel(model)
        """,
    )
    INVALID = (
        """
        import torch.nn as nn
        model = nn.DataParallel(model).cuda()  # <-
        """,
        """
        from torch.nn.parallel import DataParallel as DP
        if torch.cuda.device_count() > 1:
            model = DP(model, device_ids=[0, 1])  # <-
        """,
    )

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a call of the class, under whichever name."""
        if self.facts.name(node.func) == "torch.nn.DataParallel" and not self.facts.is_test_code:
            self.report(node, "`DataParallel` copies the module to every GPU in each step")
