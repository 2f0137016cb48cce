"""Whether the reviewers of an environment let a run go on. Pure: GitHub's record in, words out."""

from collections.abc import Sequence

from ..workflow import Review


def why_not_approved(reviews: Sequence[Review], environment: str) -> str:
    """Say why a run was not let through; empty where a reviewer of the environment approved it.

    Without the name of an environment only a rejection is told: it may need no approval. What was
    approved is a commit, so that an approval holds for every attempt of its run.
    """
    of = f" of the environment {environment}" if environment else ""
    said = {one.state for one in reviews if not environment or _is_about(one, environment)}
    if "approved" in said:
        return ""
    if "rejected" in said:
        return f"a reviewer{of} rejected it"
    return f"no reviewer{of} has approved it" if environment else ""


def _is_about(review: Review, environment: str) -> bool:
    """GitHub takes the names of environments for the same whatever their case."""
    return environment.casefold() in {name.casefold() for name in review.environments}
