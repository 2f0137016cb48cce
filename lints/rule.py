"""What a rule is: a visitor of syntax nodes that carries its own documentation and tests."""

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import libcst as cst

from .facts import Facts
from .finding import Confidence, Edit, Finding, Severity


@dataclass(frozen=True, slots=True)
class Invalid:
    """Code that a rule must flag on each line that ends in `# <-`, and what the fix makes of it."""

    code: str
    fixed: str | None = None


class Cost(Enum):
    """What one place in hot code costs in every step at the least: one of it, and several."""

    WAIT = "wait of the host for the accelerator", "waits of the host for the accelerator"
    COPY = "copy between host and accelerator", "copies between host and accelerator"
    COLLECTIVE = "collective of all processes", "collectives of all processes"


class Rule:
    """Subclass once per file in `rules/`; the docstring becomes the rule's page.

    A method `visit_<Node>` is called for each libcst node of that type. `tokens` are texts of which
    at least one must stand in a file for this rule to be run on it. `wanted` narrows down further
    which statements are made into libcst nodes: what it leaves out, the rule never sees.
    """

    code: ClassVar[str]
    tokens: ClassVar[tuple[str, ...]]
    severity: ClassVar[Severity] = Severity.WARNING
    # Whether it only speaks of code that runs in every step: files without any are not parsed.
    hot_only: ClassVar[bool] = True
    # Whether it notes the same where it happens in some steps only, for those who want notes.
    notes: ClassVar[bool] = False
    # Whether it runs only where it is asked for: too few of its findings have been read.
    preview: ClassVar[bool] = False
    # Whether it runs only where it is named by its code or its name: a matter of taste.
    opt_in: ClassVar[bool] = False
    # Whether it matters only where an accelerator does the work.
    needs_accelerator: ClassVar[bool] = False
    # The PyTorch that what it advises needs, or that made it bad: older ones are not told.
    since: ClassVar[tuple[int, int]] = (1, 0)
    # Codes of rules that need not say of a place what this one says of it more exactly.
    instead_of: ClassVar[tuple[str, ...]] = ()
    # What each finding costs in every step, where that can be counted.
    cost: ClassVar[Cost | None] = None
    VALID: ClassVar[Sequence[str]]
    INVALID: ClassVar[Sequence[str | Invalid]]

    def __init__(self, path: str, facts: Facts) -> None:
        self.path = path
        self.facts = facts
        self.findings: list[Finding] = []

    @classmethod
    def name(cls) -> str:
        """`ItemInHotPath` is `item-in-hot-path`, in suppressions, configuration and the docs."""
        return re.sub(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", cls.__name__).lower()

    @classmethod
    def pattern(cls) -> str:
        """Return the first sentence of the page: what the rule looks for."""
        return (cls.__doc__ or "").split("\n\n")[0].strip()

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST] | None:
        """Return the stdlib nodes that may be flagged; None stands for every statement.

        A cheap filter, never the judgement: too many nodes cost time, a missing one a finding. Of
        an expression in the head of an `if`, `for`, `while` or `with`, only that head is parsed.
        """
        return None

    def report(
        self,
        node: cst.CSTNode,
        message: str,
        *,
        why: str | None = None,
        severity: Severity | None = None,
        confidence: Confidence = Confidence.LIKELY,
        fix: cst.BaseExpression | None = None,
        safe: bool = False,
    ) -> None:
        """Say `message` about `node`; `fix` is what could stand in its place."""
        span = self.facts.span(node)
        edit = None if fix is None else Edit(span, self.facts.code(fix, node), safe)
        self.findings.append(
            Finding(
                path=self.path,
                span=span,
                code=self.code,
                rule=self.name(),
                message=message,
                severity=severity or self.severity,
                confidence=confidence,
                why=why,
                fix=edit,
            )
        )
