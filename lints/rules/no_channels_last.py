"""PFL306 no-channels-last."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Confidence, Severity
from ..rule import Rule


class NoChannelsLast(Rule):
    """A convolutional model trains in mixed precision with the channels first.

    ## Why it is slow
    Tensor cores take images with the channels last. From tensors with the channels first, each
    convolution makes a copy in the other order, and one back.

    ## Instead
    `model.to(memory_format=torch.channels_last)` and the same for each batch of images.

    ## When it is fine
    For models with few convolutions, with operations that bring back the other order, and where a
    measurement shows no gain.

    ## Source
    The PyTorch performance tuning guide and the tutorial on the channels-last memory format.
    """

    code = "PFL306"
    tokens = ("Conv2d",)
    severity = Severity.INFO
    preview = True
    hot_only = False
    opt_in = True

    VALID = (
        """
        import torch
        net = torch.nn.Conv2d(3, 8, 3).to("cuda", memory_format=torch.channels_last)
        for x in loader:
            with torch.autocast("cuda"):
                loss = net(x.cuda()).mean()
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        net = torch.nn.Conv2d(3, 8, 3).cuda()
        for x in loader:
            net(x.cuda()).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        net = torch.nn.Conv2d(3, 8, 3).cuda()
        with torch.autocast("cuda"):
            net(x)
        """,
    )
    INVALID = (
        """
        import torch
        net = torch.nn.Conv2d(3, 8, 3).cuda()
        for x in loader:  # <-
            with torch.autocast("cuda"):
                loss = net(x.cuda()).mean()
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        from torch.nn import Conv2d
        class Net(torch.nn.Module):
            def __init__(self):
                self.conv = Conv2d(3, 8, 3)
        scaler = torch.amp.GradScaler("cuda")
        for x in loader:  # <-
            with torch.amp.autocast("cuda", dtype=torch.float16):
                loss = net(x.cuda()).mean()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return what the first step loop of such a file walks over."""
        if facts.says("memory_format", "channels_last") or not facts.says("Conv2d"):
            return ()
        if not any(map(facts.precision.is_autocast, facts.syntax.calls)):
            return ()
        loops = (loop for loop in facts.syntax.loops if isinstance(loop, ast.For))
        return [loop.iter for loop in loops if facts.regions.is_step_loop(loop)][:1]

    def visit_For(self, node: cst.For) -> None:
        """Flag the first step loop of a file with convolutions and autocast."""
        source = self.facts.counterpart(node.iter)
        if source is not None and any(source is found for found in self.wanted(self.facts)):
            message = "this loop trains convolutions with the channels first"
            self.report(node.iter, message, confidence=Confidence.POSSIBLE)
