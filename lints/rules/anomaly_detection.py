"""PFL701 anomaly-detection."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..conditions import always_runs
from ..facts import Facts
from ..nodes import keyword
from ..rule import Invalid, Rule

_SETS = {"torch.autograd.set_detect_anomaly", "torch.autograd.anomaly_mode.set_detect_anomaly"}
_ENTERS = {"torch.autograd.detect_anomaly", "torch.autograd.anomaly_mode.detect_anomaly"}
_TRAINERS = {"pytorch_lightning.Trainer", "pytorch_lightning.trainer.Trainer"}


class AnomalyDetection(Rule):
    """Autograd's anomaly detection is always on.

    ## Why it is slow
    Each operation of the forward pass stores a stack trace, and each of the backward pass checks
    its result for NaN, which waits for the device. Reports of what it cost: half of the speed, 2.5
    times, 3 times.

    ## Instead
    Turn it on by an option while you look for a NaN, and off again.

    ## When it is fine
    Behind a flag, and in tests.

    ## Fix safety
    Unsafe: whoever is looking for a NaN just now still needs it.

    ## Source
    Documentation of `torch.autograd.detect_anomaly` ("this mode should be enabled only for
    debugging"); Lightning issues 12344 (3 times) and 17359 (2.5 times), nerf-pytorch issue 42
    (about half).
    """

    code = "PFL701"
    tokens = ("detect_anomaly",)
    hot_only = False

    VALID = (
        """
        import torch
        torch.autograd.set_detect_anomaly(False)
        torch.autograd.set_detect_anomaly(args.debug)
        torch.autograd.set_detect_anomaly(mode=args.debug)
        """,
        """
        import torch
        if args.debug:
            torch.autograd.set_detect_anomaly(True)
        def enable_debugging():
            torch.autograd.set_detect_anomaly(True)
        """,
        """
        import torch
        from torch.autograd import detect_anomaly
        for x in loader:
            loss = model(x).mean()
            if torch.isnan(loss):
                with detect_anomaly():
                    model(x).mean().backward()
        """,
        """
        from elsewhere import Trainer
        import torch
        Trainer(detect_anomaly=True)
        """,
    )
    INVALID = (
        Invalid(
            """
            import torch
            torch.autograd.set_detect_anomaly(True)  # <-
            """,
            fixed="""
            import torch
            torch.autograd.set_detect_anomaly(False)  # <-
            """,
        ),
        """
        import torch
        def train(loader):
            for x in loader:
                with torch.autograd.detect_anomaly():  # <-
                    model(x).mean().backward()
                optimizer.step()
        """,
        Invalid(
            """
            from lightning.pytorch import Trainer
            if __name__ == "__main__":
                trainer = Trainer(max_epochs=3, detect_anomaly=True)  # <-
            """,
            fixed="""
            from lightning.pytorch import Trainer
            if __name__ == "__main__":
                trainer = Trainer(max_epochs=3, detect_anomaly=False)  # <-
            """,
        ),
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that can turn it on."""
        names = _SETS | _ENTERS | _TRAINERS
        return (call for call in facts.syntax.calls if facts.names.of(call.func) in names)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag what turns it on whatever happens."""
        call = self.facts.call(node)
        if call is None or self.facts.is_test_code:
            return
        name = self.facts.name(node.func)
        if name in _SETS:
            mode = keyword(call, "mode") or next(iter(call.args), None)
        elif name in _TRAINERS:
            mode = keyword(call, "detect_anomaly")
        elif name in _ENTERS:
            mode = ast.Constant(True)
        else:
            return
        # Whoever checks gradients numerically is debugging.
        if self.facts.syntax.calls_to("gradcheck", "gradgradcheck"):
            return
        turned_on = isinstance(mode, ast.Constant) and mode.value is True
        if turned_on and always_runs(self.facts.syntax, call):
            fix = None if name in _ENTERS else _turned_off(node)
            self.report(node, "autograd checks every operation for NaN", fix=fix)


def _turned_off(node: cst.Call) -> cst.Call:
    args = [
        arg.with_changes(value=cst.Name("False"))
        if arg.keyword is None or arg.keyword.value in ("mode", "detect_anomaly")
        else arg
        for arg in node.args
    ]
    return node.with_changes(args=args)
