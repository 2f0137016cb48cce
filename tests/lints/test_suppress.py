"""Comments that silence findings."""

import pytest
from torch_perflint.lints.engine import check_source
from torch_perflint.lints.registry import all_rules

LOOP = """\
import torch
for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    {before}total += loss.item(){after}
"""


def _codes(*, before: str = "", after: str = "") -> list[str]:
    source = LOOP.format(before=before, after=after)
    return [finding.code for finding in check_source(source, "t.py", all_rules())]


def test_without_a_comment_there_is_a_finding() -> None:
    assert _codes() == ["PFL101"]


@pytest.mark.parametrize(
    "comment",
    [
        "# perflint: ignore[PFL101]",
        "# perflint: ignore[item-in-hot-path]",
        "# perflint: ignore[PFL104, PFL101] the value steers the schedule",
        "#perflint:ignore[ PFL101 ]",
        "# perflint: ignore",
        "# perflint: ignore because it is rare",
        "# noqa: E501  # perflint: ignore[PFL101]",
    ],
)
def test_a_comment_on_the_line_silences_the_rule_it_names(comment: str) -> None:
    assert _codes(after=f"  {comment}") == []


@pytest.mark.parametrize(
    "comment",
    [
        "# perflint: ignore[PFL104]",
        "# perflint: ignore[]",
        "# perflint: ignored",
        "# ignore[PFL101]",
    ],
)
def test_a_comment_that_names_another_rule_silences_nothing(comment: str) -> None:
    assert _codes(after=f"  {comment}") == ["PFL101"]


def test_a_comment_on_a_line_of_its_own_holds_for_the_next_statement_only() -> None:
    assert _codes(before="# perflint: ignore[PFL101]\n    ") == []
    assert _codes(before="# perflint: ignore[PFL101]\n    seen = 1\n    ") == ["PFL101"]


def test_a_comment_holds_for_its_whole_statement() -> None:
    assert _codes(after=" + (\n        more)  # perflint: ignore[PFL101]") == []


def test_text_that_looks_like_a_comment_silences_nothing() -> None:
    assert _codes(before="note = '# perflint: ignore'; ") == ["PFL101"]
