"""What two workers say of the machine has to be the same for their times to be compared."""

import pytest

pytest.importorskip("numpy")

from torch_perflint.runners.machine import thread_notes, where_it_ran, why_unequal


def said(*processors: int, threads: int = 1) -> dict[str, object]:
    return {"processors": list(processors), "threads": threads}


def test_sides_on_the_same_processors_are_comparable() -> None:
    assert why_unequal(said(0, 1), said(0, 1)) is None
    assert why_unequal(where_it_ran(), where_it_ran()) is None


def test_a_side_that_pins_itself_is_refused_with_both_lists() -> None:
    why = why_unequal(said(*range(64)), said(3))
    assert why is not None
    assert "0, 1, 2, 3, 4, 5, 6, 7 and 56 more" in why
    assert "head on 3:" in why


def test_another_number_of_threads_is_the_code_s_own_doing_and_told() -> None:
    assert thread_notes(said(0), said(0)) == []
    (note,) = thread_notes(said(0), said(0, threads=8))
    assert "1 threads on base and 8 on head" in note
