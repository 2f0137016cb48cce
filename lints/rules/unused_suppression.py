"""PFL901 unused-suppression."""

from ..meta_rule import MetaRule
from ..rule import Invalid


class UnusedSuppression(MetaRule):
    """A comment that silences a rule where that rule has nothing to say.

    ## Why it matters
    It outlives the code that it was written for, and will silence the next mistake on its line
    without anybody having decided so.

    ## Instead
    Remove the comment, or the one rule in it that is no longer needed: `--fix` does.

    ## When it is fine
    Only rules that ran on the file are judged, so a comment for a rule that is not selected is left
    alone, and so are `noqa` without codes and the codes of other linters.

    ## Fix safety
    Safe: only the comment changes.
    """

    code = "PFL901"

    VALID = (
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()  # perflint: ignore[item-in-hot-path] steers the schedule
        """,
        """
        import os  # noqa
        import sys  # noqa: F401
        """,
        """
        note = "# perflint: ignore[PFL101]"
        """,
    )
    INVALID = (
        Invalid(
            """
            import torch
            total += loss.detach()  # perflint: ignore[PFL101] once per epoch # <-
            """,
            fixed="""
            import torch
            total += loss.detach()
            """,
        ),
        Invalid(
            """
            import torch
            for x, y in loader:
                loss = criterion(model(x), y)
                loss.backward()
                optimizer.step()
                total += loss.item()  # perflint: ignore[PFL101, PFL104] steers # <-
            """,
            fixed="""
            import torch
            for x, y in loader:
                loss = criterion(model(x), y)
                loss.backward()
                optimizer.step()
                total += loss.item()  # perflint: ignore[PFL101] steers # <-
            """,
        ),
        Invalid(
            """
            import torch
            total = loss  # noqa: E501, PFL101 # <-
            """,
            fixed="""
            import torch
            total = loss  # noqa: E501 # <-
            """,
        ),
    )
