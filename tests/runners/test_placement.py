"""A timed step stays on one processor; whatever it starts does not."""

import os
import threading

import pytest
from torch_perflint.runners.placement import held_on

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system pins nothing"
)


def in_child() -> set[int]:
    """Where a forked process may run."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writes, ",".join(map(str, os.sched_getaffinity(0))).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writes)
    with os.fdopen(reads) as told:
        return set(map(int, told.read().split(",")))


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


def test_forked_processes_run_everywhere_such_as_the_workers_of_a_data_loader() -> None:
    before = os.sched_getaffinity(0)
    with held_on(max(before)):
        assert in_child() == before
        assert os.sched_getaffinity(0) == {max(before)}
    assert in_child() == before


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
    assert found == [before]
