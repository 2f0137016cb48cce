"""What the rules about waiting for the device have in common."""

import ast
from collections.abc import Iterable
from typing import ClassVar

import libcst as cst

from .facts import Facts
from .finding import Confidence, Severity
from .outside import Place
from .rule import Cost, Rule
from .values import Value


def shown_tensor(facts: Facts, shown: Iterable[ast.expr]) -> Value | None:
    """Return the first value that cannot be shown without reading a tensor on the device."""
    values = (facts.dataflow.value(node) for node in shown)
    return next((value for value in values if value.shows_device_tensor), None)


def device_tensor(facts: Facts, nodes: Iterable[ast.expr]) -> Value | None:
    """Return the first value that is a tensor on the device."""
    values = (facts.dataflow.value(node) for node in nodes)
    return next((value for value in values if value.is_device_tensor), None)


class SyncRule(Rule):
    """A rule that speaks where the host reads a tensor on the device in every step."""

    cost = Cost.WAIT
    notes = True
    needs_accelerator = True
    # Whether PFL121 speaks of the same in compiled code.
    breaks_graph: ClassVar[bool] = False

    def says(
        self,
        node: cst.CSTNode,
        value: Value,
        message: str,
        *,
        severity: Severity | None = None,
        fix: cst.BaseExpression | None = None,
        safe: bool = False,
    ) -> bool:
        """Say `message`, and how often, where `node` runs in every step; True where it was said.

        Where notes are wanted, it is said of guarded places and of evaluation too.
        """
        hot = self.facts.hot_or_noted(node)
        if hot is None or self.facts.runs_on_host or self.facts.may_wait(node):
            return False
        if self.breaks_graph and value.is_tensor and self._is_compiled(node):
            return False
        if value.is_derived and hot.place is Place.FORWARD and not self._is_of_input(node):
            # Known by its use alone: enough to mention, not to warn.
            severity = Severity.INFO
        likely = value.confidence is Confidence.POSSIBLE or value.is_derived
        self.report(
            node,
            f"{message} {hot.how_often}",
            why=hot.why,
            confidence=Confidence.LIKELY if likely else value.confidence,
            severity=self.facts.severity(severity or self.severity, hot),
            fix=fix,
            safe=safe,
        )
        return True

    def _is_of_input(self, node: cst.CSTNode) -> bool:
        """Whether a call reads an input of `forward`, as `lengths.cpu()` does: a tensor, then."""
        found = self.facts.counterpart(node)
        owner = found.func.value if isinstance(found, ast.Call) else None  # type: ignore[attr-defined]
        return owner is not None and self.facts.is_input(owner)

    def _is_compiled(self, node: cst.CSTNode) -> bool:
        found = self.facts.counterpart(node)
        return found is not None and self.facts.compiled.region(found) is not None
