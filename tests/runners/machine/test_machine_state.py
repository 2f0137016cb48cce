"""What is read of a machine, from trees of /proc and /sys that a test writes."""

import math
from pathlib import Path

import pytest
from torch_perflint.runners.machine.machine_cgroup import (
    MemoryLimit,
    Quota,
    read_memory_limit,
    read_quota,
)
from torch_perflint.runners.machine.machine_cpu import (
    ClockRules,
    Memory,
    Ticks,
    read_clock_rules,
    read_heat_events,
    read_load,
    read_memory,
    read_ticks,
)
from torch_perflint.runners.machine.machine_state import (
    Counters,
    Span,
    between,
    read_counters,
    read_state,
    set_variables,
    usable_processors,
)

from ..fake_machine import CPU, cgroup_v1, cgroup_v2, stat, write

BOTH = frozenset({0, 1})
NOTHING = Span(1.0, None, None, None, None)


def test_a_machine_that_shows_nothing_is_unknown_and_not_fine(tmp_path: Path) -> None:
    state = read_state(tmp_path, BOTH, 1, NOTHING, system="s", cpu="c")
    assert state.clock == ClockRules(None, None, None)
    assert (state.quota, state.memory_limit) == (Quota(None), MemoryLimit(None))
    assert state.memory == Memory(None, None, None)
    assert (state.load, state.online, state.steal_told) == (None, None, False)
    counters = read_counters(tmp_path, BOTH)
    assert (counters.ticks, counters.heat_events) == (None, None)
    assert between(counters, counters, BOTH).busy is None


def test_ticks_are_read_by_processor_and_a_guest_is_not_counted_twice(tmp_path: Path) -> None:
    write(tmp_path, {"proc/stat": stat((10, 80, 10), (50, 50, 0), guest=7)})
    assert read_ticks(tmp_path) == {0: Ticks(10, 80, 10), 1: Ticks(50, 50, 0)}


def test_an_old_kernel_without_stolen_time_has_none(tmp_path: Path) -> None:
    write(tmp_path, {"proc/stat": "cpu0 1 2 3 4\n"})
    assert read_ticks(tmp_path) == {0: Ticks(6, 4, 0)}


def test_what_happened_is_that_of_the_usable_processors_only() -> None:
    def at(seconds: float, *ticks: tuple[int, int, int], stopped: int = 0) -> Counters:
        numbered = {number: Ticks(*one) for number, one in enumerate(ticks)}
        return Counters(seconds, numbered, 3 + stopped, Quota(1.0, 9, stopped))

    before = at(5.0, (0, 0, 0), (0, 0, 0), (0, 0, 0))
    after = at(7.0, (100, 100, 0), (0, 180, 20), (200, 0, 0), stopped=4)
    assert between(before, after, BOTH) == Span(2.0, 0.5, 0.05, 4, 4)
    assert between(before, after, frozenset({2})).busy == 1.0
    assert between(before, before, BOTH).busy is None, "no time has passed"


def test_a_governor_is_read_and_so_is_turbo_in_both_ways_to_say_it(tmp_path: Path) -> None:
    governors = {f"{CPU}/cpu{n}/cpufreq/scaling_governor": "powersave\n" for n in (0, 1)}
    write(tmp_path / "intel", {**governors, f"{CPU}/intel_pstate/no_turbo": "1\n"})
    assert read_clock_rules(tmp_path / "intel", BOTH) == ClockRules(("powersave",), False, None)
    write(
        tmp_path / "amd", {f"{CPU}/cpufreq/boost": "1\n", "proc/cpuinfo": "flags\t: fpu hypervisor"}
    )
    assert read_clock_rules(tmp_path / "amd", BOTH) == ClockRules(None, True, True)
    write(tmp_path / "metal", {"proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu vme\n"})
    assert read_clock_rules(tmp_path / "metal", BOTH).virtual is False


def test_slow_downs_for_heat_are_added_up_over_the_usable_processors(tmp_path: Path) -> None:
    files = {f"{CPU}/cpu{n}/thermal_throttle/core_throttle_count": f"{n + 5}\n" for n in range(3)}
    assert read_heat_events(write(tmp_path, files), BOTH) == 11


def test_load_and_memory(tmp_path: Path) -> None:
    meminfo = "MemTotal: 1000 kB\nMemAvailable: 400 kB\nSwapTotal: 100 kB\nSwapFree: 60 kB\n"
    write(tmp_path, {"proc/loadavg": "1.62 1.83 1.53 6/106 32589\n", "proc/meminfo": meminfo})
    assert read_load(tmp_path) == 1.62
    assert read_memory(tmp_path) == Memory(1000 * 1024, 400 * 1024, 40 * 1024)


def test_v2_the_tightest_quota_of_the_group_and_those_around_it_holds(tmp_path: Path) -> None:
    files = {
        "pod/cpu.max": "150000 100000\n",
        "pod/cpu.stat": "usage_usec 1\nnr_periods 40\nnr_throttled 7\nthrottled_usec 9\n",
        "pod/job/cpu.max": "max 100000\n",
        "pod/job/cpu.stat": "nr_periods 0\nnr_throttled 0\n",
    }
    cgroup_v2(tmp_path, "/pod/job", files)
    assert read_quota(tmp_path) == Quota(1.5, 40, 7)


@pytest.mark.parametrize("path", ["/", "/../outside", "/gone"])
def test_v2_a_container_that_sees_its_own_group_as_the_root(tmp_path: Path, path: str) -> None:
    cgroup_v2(tmp_path, path, {"cpu.max": "50000 100000\n", "memory.max": "4096\n"})
    assert read_quota(tmp_path).cores == 0.5
    assert read_memory_limit(tmp_path).limit == 4096
    used = {"memory.max": "4096\n", "memory.current": "4096\n"}
    cgroup_v2(tmp_path, path, {**used, "memory.stat": "anon 96\ninactive_file 4000\n"})
    assert read_memory_limit(tmp_path) == MemoryLimit(4096, 96)


def test_of_several_limits_the_one_that_leaves_least_counts(tmp_path: Path) -> None:
    files = {
        "pod/memory.max": "8192\n",
        "pod/memory.current": "8000\n",
        "pod/job/memory.max": "4096\n",
        "pod/job/memory.current": "96\n",
    }
    cgroup_v2(tmp_path, "/pod/job", files)
    assert read_memory_limit(tmp_path) == MemoryLimit(8192, 8000)


def test_v2_no_file_in_a_readable_hierarchy_is_no_limit(tmp_path: Path) -> None:
    cgroup_v2(tmp_path, "/user.slice", {"user.slice/pids.max": "max\n"})
    assert read_quota(tmp_path) == Quota(math.inf)
    assert read_memory_limit(tmp_path) == MemoryLimit(math.inf)


def test_v1_a_quota_and_what_it_stopped(tmp_path: Path) -> None:
    files = {
        "cpu,cpuacct/job/cpu.cfs_quota_us": "200000\n",
        "cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
        "cpu,cpuacct/job/cpu.stat": "nr_periods 12\nnr_throttled 3\nthrottled_time 99\n",
        "cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        "memory/job/memory.limit_in_bytes": "1048576\n",
        "memory/job/memory.usage_in_bytes": "1024\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    cgroup_v1(tmp_path, "/job", files)
    assert read_quota(tmp_path) == Quota(2.0, 12, 3)
    assert read_memory_limit(tmp_path) == MemoryLimit(1048576, 1024)
    # A group that has read much is at its limit with pages that the kernel gives up.
    write(tmp_path, {"sys/fs/cgroup/memory/job/memory.stat": "cache 9\ntotal_inactive_file 1000\n"})
    assert read_memory_limit(tmp_path) == MemoryLimit(1048576, 24)


def test_v1_a_container_has_only_its_own_part_of_the_host_s_path_mounted(tmp_path: Path) -> None:
    files = {
        "cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
        "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    }
    cgroup_v1(tmp_path, "/docker/abc", files, top="/docker/abc")
    assert read_quota(tmp_path).cores == 0.5
    assert read_memory_limit(tmp_path).limit is None, "its folder is not there"


def test_v1_minus_one_is_no_limit(tmp_path: Path) -> None:
    files = {"cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}
    cgroup_v1(tmp_path, "/", files)
    assert read_quota(tmp_path).cores == math.inf


def test_a_process_outside_every_mounted_hierarchy_is_unknown(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": "1 1 0:1 / / rw - ext4 x rw"},
    )
    assert read_quota(tmp_path).cores is None


def test_only_set_variables_that_matter_are_kept() -> None:
    given = {"OMP_NUM_THREADS": "8", "MKL_NUM_THREADS": "", "HOME": "/root"}
    assert set_variables(given) == {"OMP_NUM_THREADS": "8"}


def test_this_machine_can_be_read() -> None:
    usable = usable_processors()
    before = read_counters(Path("/"), usable)
    state = read_state(Path("/"), usable, 1, between(before, before, usable), system="s", cpu="c")
    assert state.usable >= 1
