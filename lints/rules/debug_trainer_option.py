"""PFL707 debug-trainer-option."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..nodes import keyword
from ..rule import Rule

_TRAINER = "pytorch_lightning.Trainer"
# What switches an option off, or stands for all of the data.
_USUAL = ("None", "False", "0", "0.0", "1.0")
_OPTIONS = ("fast_dev_run", "overfit_batches", "limit_train_batches", "profiler")


class DebugTrainerOption(Rule):
    """An option for trying things out is left in a Lightning `Trainer`.

    ## Why it is slow
    `fast_dev_run`, `overfit_batches` and `limit_train_batches` train on a few batches only, and a
    `profiler` measures each of them: whatever is timed then is not the training that was meant.

    ## Instead
    Take such options from the command line.

    ## When it is fine
    In examples and trials. The rule runs only where it is asked for.

    ## Source
    Lightning documentation, "Debug your model (basic)".
    """

    code = "PFL707"
    tokens = _OPTIONS
    severity = Severity.INFO
    hot_only = False
    opt_in = True

    VALID = (
        """
        from lightning.pytorch import Trainer
        Trainer(fast_dev_run=args.dev, overfit_batches=0, limit_train_batches=1.0)
        """,
        """
        from elsewhere import Trainer
        import torch
        Trainer(fast_dev_run=True)
        """,
        """
        from lightning.pytorch import Trainer
        Trainer(fast_dev_run=False, profiler=None)
        """,
    )
    INVALID = (
        """
        from lightning.pytorch import Trainer
        trainer = Trainer(max_epochs=3, fast_dev_run=True)  # <-
        """,
        """
        import pytorch_lightning as pl
        trainer = pl.Trainer(
            overfit_batches=10,  # <-
            profiler="simple",  # <-
        )
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that make a trainer with such an option."""
        calls = (c for c in facts.syntax.calls if facts.names.of(c.func) == _TRAINER)
        return (call for call in calls if any(keyword(call, option) for option in _OPTIONS))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag each option that is given as a literal other than its default."""
        call = self.facts.call(node)
        if call is None or self.facts.name(node.func) != _TRAINER or self.facts.is_test_code:
            return
        for arg in node.args:
            option = arg.keyword.value if arg.keyword else ""
            given = keyword(call, option) if option in _OPTIONS else None
            usual = isinstance(given, ast.Constant) and repr(given.value) in _USUAL
            if isinstance(given, ast.Constant) and not usual:
                self.report(arg, f"`{option}` is for trying things out")
