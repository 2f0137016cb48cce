"""PFL902 suppression-without-reason."""

from ..meta_rule import MetaRule


class SuppressionWithoutReason(MetaRule):
    """A comment that silences a rule and does not say why.

    ## Why it matters
    Whoever reads the line later cannot tell a decision from a shortcut, and does not dare to remove
    the comment.

    ## Instead
    Say it behind the brackets: `# perflint: ignore[item-in-hot-path] steers the schedule`.

    ## When it is fine
    Where a team does not want reasons: this rule runs only where `extend_select` or `--select`
    names it. A `noqa` is never asked for one.
    """

    code = "PFL902"
    opt_in = True

    VALID = (
        """
        import torch
        total = loss  # perflint: ignore[PFL101] steers the schedule
        """,
        """
        # perflint: ignore-file - generated
        import torch
        """,
        """
        total = loss  # noqa: PFL101
        """,
    )
    INVALID = (
        """
        import torch
        total = loss  # perflint: ignore[PFL101] # <-
        """,
        """
        # perflint: off # <-
        import torch
        # perflint: on
        """,
    )
