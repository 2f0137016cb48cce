"""A timed turn stays on one processor; what it starts does not."""

import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from torch_perflint.runners.processes import placement
from torch_perflint.runners.processes.placement import held_on, processor_of, starts

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system pins nothing"
)
ASK = "import os; print(*sorted(os.sched_getaffinity(0)))"


def in_fork() -> set[int]:
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writes, " ".join(map(str, os.sched_getaffinity(0))).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writes)
    with os.fdopen(reads) as told:
        return set(map(int, told.read().split()))


def in_subprocess() -> set[int]:
    return set(map(int, subprocess.check_output([sys.executable, "-c", ASK]).split()))


def in_thread() -> set[int]:
    found = []
    thread = threading.Thread(target=lambda: found.append(os.sched_getaffinity(0)))
    thread.start()
    thread.join()
    return found[0]


def tell(queue: "multiprocessing.SimpleQueue[set[int]]") -> None:
    queue.put(os.sched_getaffinity(0))


def in_spawned_worker() -> set[int]:
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=tell, args=(queue,))
    process.start()
    process.join()
    return set(queue.get())


def test_the_thread_is_held_and_runs_everywhere_again() -> None:
    before = os.sched_getaffinity(0)
    with held_on(max(before)):
        assert os.sched_getaffinity(0) == {max(before)}
    assert os.sched_getaffinity(0) == before
    with pytest.raises(RuntimeError), held_on(min(before)):
        raise RuntimeError
    assert os.sched_getaffinity(0) == before
    with held_on(None):
        assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize("start", [in_fork, in_subprocess, in_thread, in_spawned_worker])
def test_what_a_turn_starts_runs_everywhere_and_frees_it(start: Callable[[], set[int]]) -> None:
    before = os.sched_getaffinity(0)
    count = starts()
    with held_on(max(before)):
        assert start() == before
        assert os.sched_getaffinity(0) == before
    assert starts() > count
    with held_on(max(before)):
        assert os.sched_getaffinity(0) == {max(before)}


def test_threads_that_were_there_before_are_left_alone() -> None:
    before = os.sched_getaffinity(0)
    held, found = threading.Event(), []

    def wait() -> None:
        held.wait()
        found.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=wait)
    thread.start()
    with held_on(max(before)):
        held.set()
        thread.join()
        assert os.sched_getaffinity(0) == {max(before)}
    assert found == [before]


def test_a_system_that_refuses_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, processors: set[int]) -> None:
        raise PermissionError

    before = os.sched_getaffinity(0)
    monkeypatch.setattr(placement.os, "sched_setaffinity", refuse)
    with held_on(max(before)):
        assert os.sched_getaffinity(0) == before


def test_the_same_number_is_the_same_processor_of_those_that_may_be_used() -> None:
    usable = sorted(os.sched_getaffinity(0))
    assert [processor_of(n) for n in range(len(usable) + 1)] == [*usable, usable[0]]
