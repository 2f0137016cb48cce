"""The benchmark of the counters in small: two fresh processes of base, one of head."""

import counters
import pytest


@pytest.mark.slow
@pytest.mark.torch
def test_each_planted_slowdown_is_found_and_the_same_code_counts_the_same() -> None:
    pytest.importorskip("torch")
    tallies = counters.run(1)
    assert {planted: tally.found for planted, tally in tallies.items()} == dict.fromkeys(
        counters.PLANTED, 1
    )
    assert not any(tally.false for tally in tallies.values())
    assert "| added .item() | host_syncs | 1 of 1 | 0 of 1 |" in counters.table(tallies, 1)
