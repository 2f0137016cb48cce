"""Calls of the repository's own functions are counted, others are not."""

import cProfile
import sys
from pathlib import Path

from torch_perflint.runners.counters.python_calls import count_calls

ROOT = Path(__file__).parent


def helper() -> int:
    return len([number + 1 for number in range(3)])


def test_own_functions_count_and_comprehensions_and_libraries_do_not(tmp_path: Path) -> None:
    assert count_calls(lambda: None, ROOT) == 1
    assert count_calls(lambda: helper(), ROOT) == 2
    assert count_calls(lambda: Path("a").joinpath("b"), ROOT) == 1
    assert count_calls(lambda: helper(), tmp_path) == 0


def test_the_profile_function_of_others_is_put_back() -> None:
    seen = []

    def theirs(*event: object) -> None:
        seen.append(event)

    sys.setprofile(theirs)
    try:
        count_calls(helper, ROOT)
        assert sys.getprofile() is theirs
    finally:
        sys.setprofile(None)


def test_a_step_that_profiles_itself_has_no_count() -> None:
    assert count_calls(lambda: sys.setprofile(None), ROOT) is None


def test_a_profiler_that_could_not_be_put_back_is_left_alone() -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        assert count_calls(helper, ROOT) is None
        helper()
    finally:
        profiler.disable()
    assert any("helper" in str(entry.code) for entry in profiler.getstats())
