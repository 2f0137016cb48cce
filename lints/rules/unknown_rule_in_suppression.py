"""PFL903 unknown-rule-in-suppression."""

from ..meta_rule import MetaRule


class UnknownRuleInSuppression(MetaRule):
    """A comment that silences a rule which does not exist.

    ## Why it matters
    It silences nothing, while its writer believes that it does.

    ## Instead
    Write a code or a name as `perflint rules` lists them.

    ## When it is fine
    In a `noqa`, codes of other linters are their own business: only those that look like ours are
    judged. Where a rule of your own could not be loaded, nothing is called unknown.
    """

    code = "PFL903"

    VALID = (
        """
        import torch
        total = loss  # perflint: ignore[PFL101, host-copy, PFL2] why
        """,
        """
        import torch  # noqa: F401, TOR101
        """,
        """
        # write `# perflint: ignore[RULE]` on the line
        import torch
        """,
    )
    INVALID = (
        """
        import torch
        total = loss  # perflint: ignore[item-in-hotpath] why # <-
        """,
        """
        import torch
        total = loss  # noqa: PFL999 # <-
        """,
        """
        import torch
        total = loss  # perflint: ignore[] why # <-
        """,
    )
