"""What a run says of its time."""

import pytest
from torch_perflint.runners.limit import TimeLimit


@pytest.mark.parametrize(
    ("total", "tests", "said"),
    [
        (3600, 45, "45 s"),  # one test: not the hour that a run may take
        (3600, 450, "8 min"),
        (60, 450, "60 s"),
        (0.0001, 45, "0 s"),
    ],
)
def test_what_is_left_is_what_the_tests_may_take_and_the_run_allows(
    total: float, tests: float, said: str
) -> None:
    assert TimeLimit(total).left(tests) == f", at most {said} of timing left"
