"""PFL213 prefetch-factor-no-workers."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..arguments import with_arguments
from ..facts import Facts
from ..finding import Confidence, Severity
from ..keywords import Absent
from ..rule import Invalid, Rule


class PrefetchFactorNoWorkers(Rule):
    """A `DataLoader` without workers is given an option that only workers have.

    ## Why it is slow
    `prefetch_factor` and `persistent_workers=True` say how workers behave. With `num_workers=0`
    there are none, and torch raises a ValueError when the loader is made.

    ## Instead
    Pass `num_workers`, or leave the option out.

    ## When it is fine
    Never, but options that cannot be read are not judged.

    ## Fix safety
    Safe: the option is removed, which turns an error into the loader without workers that the rest
    of the call describes.

    ## Source
    `torch/utils/data/dataloader.py`: "prefetch_factor option could only be specified in
    multiprocessing" and "persistent_workers option needs num_workers > 0".
    """

    preview = True
    code = "PFL213"
    tokens = ("prefetch_factor", "persistent_workers")
    severity = Severity.ERROR
    hot_only = False

    VALID = (
        """
        from torch.utils.data import DataLoader
        DataLoader(d, num_workers=2, prefetch_factor=4, persistent_workers=True)
        DataLoader(d, num_workers=n, prefetch_factor=4)
        """,
        """
        from torch.utils.data import DataLoader
        DataLoader(d, prefetch_factor=None, persistent_workers=False)
        DataLoader(d, num_workers=0, persistent_workers=n > 0)
        """,
        """
        from torch.utils.data import DataLoader
        DataLoader(d, prefetch_factor=4, **options)
        """,
    )
    INVALID = (
        Invalid(
            """
            from torch.utils.data import DataLoader
            DataLoader(d, batch_size=8, prefetch_factor=4)  # <-
            """,
            fixed="""
            from torch.utils.data import DataLoader
            DataLoader(d, batch_size=8)  # <-
            """,
        ),
        Invalid(
            """
            from torch.utils.data import DataLoader
            DataLoader(d, num_workers=0, persistent_workers=True, shuffle=True)  # <-
            """,
            fixed="""
            from torch.utils.data import DataLoader
            DataLoader(d, num_workers=0, shuffle=True)  # <-
            """,
        ),
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that make loaders."""
        return facts.loaders.calls

    def visit_Call(self, node: cst.Call) -> None:
        """Flag the options of workers where there are certainly none."""
        call, loaders = self.facts.call(node), self.facts.loaders
        if call is None or not loaders.is_loader(call) or not loaders.without_workers(call):
            return
        given = [
            name for name in ("prefetch_factor", "persistent_workers") if self._set(call, name)
        ]
        if not given:
            return
        kept = [a for a in node.args if not (a.keyword and a.keyword.value in given)]
        fix = None
        if len(node.args) - len(kept) == len(given) and kept:
            fix = with_arguments(node, kept)
        message = f"`{'` and `'.join(given)}` without workers raises a ValueError"
        self.report(node, message, confidence=Confidence.PROVEN, fix=fix, safe=True)

    def _set(self, call: ast.Call, name: str) -> bool:
        """Whether an option is certainly on."""
        value = self.facts.loaders.option(call, name)
        if isinstance(value, Absent) or not isinstance(value, ast.Constant):
            return False
        return value.value is not None and value.value is not False
