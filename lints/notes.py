"""Where a wait is worth a note only: guarded places of hot code, and the loops of evaluation."""

import ast
from functools import cached_property

from .cold import Cold
from .evaluation import Evaluations, is_called_batches
from .flags import Seldom
from .loaders import Loaders
from .names import Names
from .nodes import Function
from .outside import Place
from .regions import Hot, Regions
from .syntax import Syntax

_LIGHTNING = "pytorch_lightning.LightningModule"
_HOOKS = {"validation_step", "test_step", "predict_step"}


class Notes:
    """Answers why a node runs in some steps only, or for each batch of an evaluation."""

    def __init__(
        self,
        syntax: Syntax,
        names: Names,
        regions: Regions,
        loaders: Loaders,
        evaluations: Evaluations,
    ) -> None:
        self._syntax = syntax
        self._names = names
        self._regions = regions
        self._loaders = loaders
        self._evaluations = evaluations

    def seldom(self, node: ast.AST) -> Hot | None:
        """Return where a node runs and how often; None where it is hot, or no note is due."""
        return self._regions.seldom(node) or self._in_evaluation(node)

    @cached_property
    def _cold(self) -> Cold:
        return Cold(self._syntax, self._names)

    def _in_evaluation(self, node: ast.AST) -> Hot | None:
        """Climb to a loop over batches that evaluates, or to a hook that is given one batch."""
        evaluates, why, looped = self._regions.without_grad(node), None, False
        loop: ast.For | None = None
        for child, parent in self._syntax.ancestors(node):
            if isinstance(parent, ast.Lambda):
                return None
            if why_here := self._cold.why(child, parent, looped=looped):
                if why_here is Seldom.ERROR:
                    return None
                if loop is None:
                    why = why or why_here  # what guards the whole loop says nothing of its turns
                evaluates = evaluates or why_here is Seldom.EVALUATION
            if isinstance(parent, ast.For) and child in parent.body:
                looped = True
                if loop is None and self._takes_batches(parent):
                    loop = parent
            if isinstance(parent, Function):
                if child in parent.body and self._is_hook(parent):
                    words = f"the hook `{parent.name}` runs for each batch"
                    return Hot(Place.HOOK, parent.lineno, words, seldom=why or Seldom.EVALUATION)
                evaluates = evaluates or self._evaluations.evaluates_by_name(parent)
                break
        if loop is None or not evaluates or self._regions.is_step_loop(loop):
            return None
        words = f"in the loop over batches of line {loop.lineno}"
        return Hot(Place.LOOP, loop.lineno, words, seldom=why or Seldom.EVALUATION)

    def _takes_batches(self, loop: ast.For) -> bool:
        """Whether each turn takes one batch, as of `logger.log_every(loader, 10)` too."""
        if self._evaluations.walks_over_batches(loop):
            return True
        source = self._loaders.looped_over(loop.iter)
        return isinstance(source, ast.Call) and any(map(is_called_batches, source.args))

    def _is_hook(self, function: Function) -> bool:
        home = self._syntax.class_of(function)
        if function.name not in _HOOKS or home is None:
            return False
        return _LIGHTNING in self._names.bases(home)
