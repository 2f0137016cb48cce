"""What was measured of a test becomes one verdict and its reasons."""

from dataclasses import replace

import pytest
from torch_perflint.runners.assemble import Measured, result_of
from torch_perflint.runners.counters.compiling import Compiling
from torch_perflint.runners.counters.examined import Examined
from torch_perflint.runners.profiling.profile import LineTime, ProfileSummary
from torch_perflint.runners.result import Failure, TestResult
from torch_perflint.runners.sample import Counts, Memory, PerfTest, Products, Side, SyncSite
from torch_perflint.runners.verdict.compare import Comparison, Verdict

FAILED = Examined(failure=Failure("ValueError: no", "..."))
SKIPPED = Examined(skipped="no camera here")
SLOWER = Comparison(Verdict.SLOWER, -0.1, -0.12, -0.08, 1.0, 1.1, 0.03, 120, 3, 2)


def ran(
    values: dict[str, int] | None = None,
    *,
    syncs: tuple[SyncSite, ...] = (),
    unstable: dict[str, tuple[int, int]] | None = None,
    peak: int = 0,
    steps: dict[str, int] | None = None,
) -> Examined:
    counts = Counts(values or {}, unstable or {}, syncs, steps=steps or {})
    return Examined(counts=counts, memory=Memory(peak, 2 * peak), machine={"device": "cuda"})


def assembled(
    base: Examined,
    head: Examined,
    comparison: Comparison | None = None,
    *,
    budgets: dict[str, int] | None = None,
    texts: tuple[str, str] = ("", ""),
    failures: dict[Side, Failure] | None = None,
    identical: bool = False,
) -> TestResult:
    measured = Measured(PerfTest("test_a.py::test_it", "test_a.py", 1))
    measured.examined = {Side.BASE: base, Side.HEAD: head}
    measured.timing_failures = failures or {}
    measured.identical = (comparison is None and base.counts == head.counts) or identical
    return result_of(measured, comparison, budgets or {}, lambda path: texts)


@pytest.mark.parametrize(
    ("base", "head", "verdict", "reason"),
    [
        (ran(), FAILED, Verdict.FAILED, "it passes on base and fails on head"),
        (FAILED, ran(), Verdict.NEW, "it runs on head only; on base: ValueError: no"),
        (FAILED, FAILED, Verdict.BROKEN, "it fails on base and on head"),
        (ran(), SKIPPED, Verdict.SKIPPED, "pytest skips it with this change only: no camera here"),
        (SKIPPED, SKIPPED, Verdict.SKIPPED, "pytest skipped it: no camera here"),
        (FAILED, SKIPPED, Verdict.SKIPPED, "pytest skipped it: no camera here"),
        (SKIPPED, FAILED, Verdict.FAILED, "it is skipped on base and fails on head"),
        (SKIPPED, ran(), Verdict.NEW, "on base pytest skipped it: no camera here"),
        (ran(), ran(), Verdict.SAME, "nothing that this test runs has changed"),
    ],
)
def test_each_way_to_end_has_its_verdict_and_reason(
    base: Examined, head: Examined, verdict: Verdict, reason: str
) -> None:
    result = assembled(base, head)
    assert result.verdict is verdict
    assert reason in result.reason
    assert (result.base_failure, result.head_failure) == (base.failure, head.failure)


def test_what_was_timed_has_the_verdict_of_its_comparison() -> None:
    result = assembled(ran(), ran(), SLOWER)
    assert (result.verdict, result.reason) == (Verdict.SLOWER, "")
    assert result.is_regression


def test_a_failure_while_being_timed_beats_the_times_so_far() -> None:
    crash = Failure("the process ended by SIGSEGV", "")
    result = assembled(ran(), ran(), SLOWER, failures={Side.HEAD: crash})
    assert result.verdict is Verdict.FAILED
    assert result.head_failure == crash


def test_counters_beyond_their_budget_are_a_regression_even_at_the_same_speed() -> None:
    base, head = ran({"host_syncs": 1, "operators": 10}), ran({"host_syncs": 2, "operators": 30})
    result = assembled(base, head, budgets={"host_syncs": 0, "operators": 20})
    assert [(c.name, c.base, c.head, c.over_budget) for c in result.counters] == [
        ("host_syncs", 1, 2, True),
        ("operators", 10, 30, False),
    ]
    assert result.is_regression
    assert not assembled(base, head, budgets={"host_syncs": 1}).is_regression
    assert not assembled(head, base, budgets={"host_syncs": 0}).is_regression


def test_a_counter_that_is_unstable_on_one_side_is_named_and_not_compared() -> None:
    base, head = ran({"host_syncs": 1}), ran({}, unstable={"host_syncs": (0, 3)})
    result = assembled(base, head, budgets={"host_syncs": 0})
    assert result.counters == ()
    assert result.unstable == ("host_syncs",)


def test_only_waits_that_base_lacks_are_pointed_at() -> None:
    texts = ("loss.item()\nother\n", "new line\nloss.item()\nother.item()\n")
    old = SyncSite("net.py", 1, "read", 1)
    moved, new = SyncSite("net.py", 2, "read", 1), SyncSite("net.py", 3, "read", 1)
    base = ran({"host_syncs": 1}, syncs=(old,))
    head = ran({"host_syncs": 2}, syncs=(moved, new))
    (counter,) = assembled(base, head, texts=texts).counters
    assert counter.sites == (new,)
    more = ran({"host_syncs": 3}, syncs=(SyncSite("net.py", 2, "read", 3),))
    (counter,) = assembled(base, more, texts=texts).counters
    assert [site.count for site in counter.sites] == [3]


def test_what_not_every_step_does_is_compared_over_whole_rounds() -> None:
    new = SyncSite("net.py", 1, "read", 1, steps=4)
    base = ran({"host_syncs": 0, "operators": 10}, steps={})
    head = ran({"host_syncs": 1, "operators": 50}, steps={"host_syncs": 4, "operators": 4})
    head = replace(head, counts=replace(head.counts, syncs=(new,)))
    result = assembled(base, head, budgets={"host_syncs": 0, "operators": 2})
    told = [(c.name, c.base, c.head, c.steps, c.over_budget) for c in result.counters]
    # Ten operators more in four steps are two and a half in each.
    assert told == [("host_syncs", 0, 1, 4, True), ("operators", 40, 50, 4, True)]
    assert [c.per for c in result.counters] == ["in every 4 steps", "in every 4 steps"]
    assert result.counters[0].sites == (new,)
    assert not assembled(base, head, budgets={"host_syncs": 1, "operators": 3}).is_regression
    assert not assembled(head, base, budgets={"host_syncs": 0}).is_regression


def test_a_wait_that_comes_more_often_than_on_base_is_pointed_at() -> None:
    rare = SyncSite("net.py", 1, "read", 1, steps=8)
    often = SyncSite("net.py", 1, "read", 1, steps=4)
    base, head = (
        ran({"host_syncs": 1}, steps={"host_syncs": site.steps}, syncs=(site,))
        for site in (rare, often)
    )
    (counter,) = assembled(base, head, texts=("x\n", "x\n")).counters
    assert (counter.base, counter.head, counter.steps, counter.sites) == (1, 2, 8, (often,))
    assert assembled(head, base, texts=("x\n", "x\n")).counters[0].sites == ()


def test_without_time_to_count_memory_no_peak_is_told() -> None:
    short = replace(ran(), memory=Memory(None))
    assert assembled(short, ran(peak=104)).peak is None


def test_peaks_and_profiles_are_told_where_both_sides_have_them() -> None:
    result = assembled(ran(peak=100), ran(peak=104))
    assert result.peak is not None
    assert (result.peak.device, result.peak.base, result.peak.head) == ("cuda", 100, 104)
    assert (result.peak.base_reserved, result.peak.head_reserved) == (200, 208)
    assert (result.peak.base_host, result.peak.head_host) == (None, None)
    assert result.profile is None
    assert assembled(FAILED, ran(peak=104)).peak is None

    measured = Measured(PerfTest("test_a.py::test_it", "test_a.py", 1))
    measured.examined = {Side.BASE: ran(), Side.HEAD: ran()}
    empty, slow = ProfileSummary(1, (), ()), ProfileSummary(1, (), (LineTime("a.py", 1, 5.0),))
    measured.profiles = {Side.BASE: empty, Side.HEAD: slow}
    profiled = result_of(measured, SLOWER, {}, lambda path: ("", "x"))
    assert profiled.profile is not None
    assert [line.head_ms for line in profiled.profile.lines] == [5.0]


def working(compile_seconds: float | None = None, *, cold: bool = True) -> Examined:
    """A side that does 1e12 operations in bfloat16 per step on an A100."""
    card = {"device": "cuda", "gpu": "NVIDIA A100-SXM4-80GB", "multiprocessors": 108}
    counts = Counts({"flops": 10**12}, products=(Products("cuda", "bfloat16", 10**12),))
    return Examined(counts=counts, machine=card, compile_seconds=compile_seconds, cold=cold)


def test_what_was_timed_tells_what_it_achieves_of_what_its_device_can_do() -> None:
    used = assembled(working(), working(), SLOWER).utilization
    assert used is not None
    assert (used.base.flops_per_second, used.base.mfu) == (1e12, pytest.approx(1 / 312))
    assert used.head.mfu == pytest.approx(1 / 312 / 1.1)
    assert assembled(working(), working()).utilization is None, "it was not timed"
    assert assembled(working(), ran(), SLOWER).utilization is None, "head's work is not known"
    assert assembled(FAILED, working(), SLOWER).utilization is None
    measured = Measured(PerfTest("test_a.py::test_it", "test_a.py", 1))
    measured.examined = {Side.BASE: working(), Side.HEAD: working()}
    stated = result_of(measured, SLOWER, {}, lambda path: ("", ""), {"bfloat16": 2e12}).utilization
    assert stated is not None and stated.base.mfu == pytest.approx(0.5)


def test_compiling_is_told_cold_only_where_the_caches_were_empty() -> None:
    assert assembled(working(), working(), SLOWER).compiling is None
    assert assembled(working(2.0), working(), SLOWER).compiling == Compiling(base_cold=2.0)
    assert assembled(working(2.0, cold=False), working(), SLOWER).compiling is None
    measured = Measured(PerfTest("test_a.py::test_it", "test_a.py", 1))
    measured.examined = {Side.BASE: working(2.0, cold=False), Side.HEAD: working(3.0)}
    measured.warm_compile = {Side.BASE: 0.5, Side.HEAD: 0.6}
    found = result_of(measured, SLOWER, {}, lambda path: ("", "")).compiling
    assert found == Compiling(None, 3.0, 0.5, 0.6)


def test_of_an_unsteady_counter_what_grew_for_certain_counts() -> None:
    base, head = ran({"host_syncs": 0}), ran({}, unstable={"host_syncs": (1, 3)})
    (counter,) = assembled(base, head, budgets={"host_syncs": 0}).counters
    assert (counter.base, counter.head, counter.over_budget) == (0, 1, True)
    maybe = ran({}, unstable={"host_syncs": (0, 3)})
    assert assembled(base, maybe, budgets={"host_syncs": 0}).counters == ()


def test_a_counter_with_a_budget_that_one_side_does_not_tell_is_named() -> None:
    budgets = {"host_syncs": 0, "saved_for_backward_bytes": 0}
    told = ran({"host_syncs": 1, "saved_for_backward_bytes": 8})
    compiled = ran({"host_syncs": 1})
    (note,) = assembled(told, compiled, budgets=budgets).notes
    assert note.startswith("saved for backward bytes has a budget, and only base tells it")
    assert assembled(told, told, budgets=budgets).notes == ()
    unsteady = ran({"host_syncs": 1}, unstable={"saved_for_backward_bytes": (8, 9)})
    assert assembled(told, unsteady, budgets=budgets).notes == ()
    assert assembled(compiled, compiled, budgets=budgets).notes == ()


@pytest.mark.parametrize("comparison", [None, replace(SLOWER, verdict=Verdict.SAME)])
def test_counts_that_differ_although_the_code_is_the_same_are_no_regression(
    comparison: Comparison | None,
) -> None:
    """Such as those of a step that depends on unseeded data."""
    base, head = (ran({"host_syncs": n, "operators": 7}) for n in (3, 4))
    budgets = {"host_syncs": 0}
    assert assembled(base, head, SLOWER, budgets=budgets).over_budget
    result = assembled(base, head, comparison, budgets=budgets, identical=True)
    assert (result.is_regression, result.verdict) == (False, Verdict.SAME)
    assert [counter.name for counter in result.counters] == ["operators"]
    assert result.unstable == ("host_syncs",)
    assert "both sides run the same code and yet count otherwise (host syncs)" in result.notes[0]
