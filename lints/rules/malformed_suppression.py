"""PFL904 malformed-suppression."""

from ..meta_rule import MetaRule


class MalformedSuppression(MetaRule):
    """A comment that is meant for perflint and cannot be read.

    ## Why it matters
    It silences nothing, while its writer believes that it does.

    ## Instead
    `# perflint: ignore[RULE, ...] why` on the statement or the line above it,
    `# perflint: ignore-file[RULE, ...] why` for a whole file, and `# perflint: off[RULE, ...] why`
    up to `# perflint: on` for some lines. Without brackets all rules are meant.

    ## When it is fine
    A comment that begins with `# perflint:` is always read as one for perflint. Write a remark
    about perflint in another way.
    """

    code = "PFL904"

    VALID = (
        """
        import torch
        # perflint: off[PFL101] a demonstration
        total = loss
        # perflint: on
        """,
        """
        # perflint is run by CI; see perflint: its README
        import torch
        """,
        """
        import torch  # perflint: ignore because it is rare
        """,
    )
    INVALID = (
        """
        import torch
        total = loss  # perflint: ignored[PFL101] # <-
        """,
        """
        import torch
        total = loss  # perflint: ignore[PFL101 # <-
        """,
        """
        import torch
        total = loss  # perflint: ignore PFL101 # <-
        """,
        """
        import torch
        # perflint: on # <-
        """,
    )
