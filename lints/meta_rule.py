"""What a rule about perflint's own comments and files is: a page and examples, and no visitor."""

from typing import ClassVar

from .rule import Rule


class MetaRule(Rule):
    """Subclass it as any rule; its findings are made after all others, by a pass of their own.

    It is listed, explained, selected and ignored as any other. `suppress.py` finds what is wrong
    with comments, `baseline.py` what is wrong with a baseline.
    """

    tokens: ClassVar[tuple[str, ...]] = ()
    hot_only: ClassVar[bool] = False


def cause_heading(rule: type[Rule]) -> str:
    """Name the heading under which a rule's page says what is bad about the code."""
    return "Why it matters" if issubclass(rule, MetaRule) else "Why it is slow"
