"""What becomes of jobs: retried, given up, in order, and never twice at once."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.__main__ import main
from torch_perflint.bot.github.errors import (
    GoneError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
)
from torch_perflint.bot.server import workers
from torch_perflint.bot.server.events import jobs_of
from torch_perflint.bot.server.job import Job, PullRequestChanged, RunChanged, lane_of
from torch_perflint.bot.server.metrics import Metrics
from torch_perflint.bot.server.queue import Depth, Queue, now
from torch_perflint.bot.server.quota import Quotas
from torch_perflint.bot.server.workers import MOST_TRIES, Workers, wait_seconds
from torch_perflint.bot.server.writer import Writer

from . import payloads
from .payloads import WORKFLOW


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "wait_seconds", lambda tries: 0.01)
    monkeypatch.setattr(workers, "_LOOK_AGAIN_SECONDS", 0.02)


def push(number: int = 5) -> Any:
    return jobs_of("pull_request", payloads.pull_request(number=number), [WORKFLOW])


def worked(folder: Path, work: Any, *jobs: Any, count: int = 3, seconds: float = 5.0) -> Queue:
    """Work until nothing is left; returns the queue as it is then."""
    queue = Queue(folder / "queue.db", 1000, Quotas(1000, 1000))
    with queue.transaction():
        for n, one in enumerate(jobs):
            queue.accept(f"d{n}", bytes([n]), one, now())
    writer = Writer(queue)
    metrics = Metrics(lambda: Depth(0, 0, 0, None), now)
    staff = Workers(writer, work, metrics, count)
    writer.start()
    staff.start()
    end = time.monotonic() + seconds
    while writer.submit(lambda queue: queue.depth()).result().open:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert staff.stop(5.0)
    writer.stop()
    return queue


def test_what_github_fails_at_is_tried_again(tmp_path: Path) -> None:
    tries: list[Job] = []

    def work(job: Job, sleep: Callable[[float], None], again: bool = False) -> Iterable[Job]:
        tries.append(job)
        if len(tries) < 4:
            raise UnavailableError("GitHub failed")
        return ()

    assert worked(tmp_path, work, push()).dead() == []
    assert len(tries) == 4


@pytest.mark.parametrize(
    ("error", "tries", "says"),
    [
        (UnavailableError("GitHub failed"), MOST_TRIES, "GitHub failed"),
        (NotAllowedError("grant it"), 1, "grant it"),
        (KeyError("x"), 3, "KeyError"),
    ],
)
def test_what_does_not_help_is_given_up_and_the_next_goes_on(
    tmp_path: Path, error: Exception, tries: int, says: str
) -> None:
    done: list[int] = []

    def work(job: Job, sleep: Callable[[float], None], again: bool = False) -> Iterable[Job]:
        assert isinstance(job, PullRequestChanged)
        done.append(job.pull_request)
        if job.head == "d" * 40:
            raise error
        return ()

    bad = (replace(push()[0], head="d" * 40),)
    [dead] = worked(tmp_path, work, bad, push()).dead()
    assert (dead.tries, says in dead.error) == (tries, True)
    assert len(done) == tries + 1


class Late:
    """Work on what GitHub does not find at first; the queue's clock goes on with each try."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, found_at: int, seconds: float) -> None:
        self.tries, self._found_at, self._seconds = 0, found_at, seconds
        self.error: NotFoundError = NotFoundError("GitHub finds no run 900")
        monkeypatch.setattr(workers, "now", lambda: now() + self.tries * self._seconds)

    def __call__(
        self, job: Job, sleep: Callable[[float], None], again: bool = False
    ) -> Iterable[Job]:
        self.tries += 1
        if self.tries < self._found_at:
            raise self.error
        return ()


def test_what_a_young_job_is_about_may_not_be_everywhere_on_github_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Late(monkeypatch, found_at=3, seconds=20)
    assert worked(tmp_path, work, push()).dead() == []
    assert work.tries == 3


def test_what_an_old_job_is_about_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Late(monkeypatch, found_at=99, seconds=50)
    [dead] = worked(tmp_path, work, push()).dead()
    assert (work.tries, dead.error) == (3, "GitHub finds no run 900")  # after 50, 100, 150 seconds


def test_what_was_taken_back_in_the_meantime_is_no_trouble_to_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Late(monkeypatch, found_at=99, seconds=50)
    work.error = GoneError("comment 7: the comment is gone")
    assert worked(tmp_path, work, push()).dead() == []
    assert work.tries == 3


def test_one_pull_request_is_never_worked_at_twice_at_once(tmp_path: Path) -> None:
    lock, running, most, order = threading.Lock(), set(), [0], []

    def work(job: Job, sleep: Callable[[float], None], again: bool = False) -> Iterable[Job]:
        lane = lane_of(job)
        with lock:
            assert lane not in running
            running.add(lane)
            most[0] = max(most[0], len(running))
            order.append(job)
        time.sleep(0.005)
        with lock:
            running.remove(lane)
        return ()

    jobs = [(replace(push()[0], pull_request=n % 3 + 1, head=f"{n:040x}"),) for n in range(30)]
    assert worked(tmp_path, work, *jobs).dead() == []
    assert most[0] > 1  # several pull requests are
    for number in (1, 2, 3):
        heads = [job.head for job in order if job.pull_request == number]
        assert heads == sorted(heads) and len(heads) == 10


def test_a_run_of_a_fork_goes_on_in_the_lane_of_its_pull_request(tmp_path: Path) -> None:
    seen: list[str] = []

    def work(job: Job, sleep: Callable[[float], None], again: bool = False) -> Iterable[Job]:
        seen.append(lane_of(job))
        if isinstance(job, RunChanged) and job.pull_request is None:
            return (replace(job, pull_request=5),)
        return ()

    fork = jobs_of("workflow_run", payloads.run_completed(number=None, fork="x/models"), [WORKFLOW])
    worked(tmp_path, work, fork)
    assert seen == [f"1@{'a' * 40}", "1#5"]


def test_waits_grow_and_are_bounded() -> None:
    waits = [sum(wait_seconds(n) for _ in range(200)) / 200 for n in range(1, MOST_TRIES)]
    assert 1.5 < waits[0] < 2.5
    assert all(later > earlier for earlier, later in pairwise(waits[:9]))
    assert max(wait_seconds(n) for n in range(1, 100)) <= 1125
    assert 2700 < sum(waits) < 7200


def test_a_job_of_another_version_is_given_up_and_named(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "queue.db", 10, Quotas())
    queue._do("INSERT INTO jobs (delivery, lane, job, due, at) VALUES ('d', 'l', '{}', 0, 0)")
    queue.close()
    [dead] = worked(tmp_path, lambda job, sleep, again: ()).dead()
    assert "cannot read the job" in dead.error


def test_an_operator_sees_what_was_given_up_and_puts_it_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(job: Job, sleep: Callable[[float], None], again: bool = False) -> Iterable[Job]:
        raise NotAllowedError("the App lacks `checks: write`: grant it")

    worked(tmp_path, refuse, push(), push(6)).close()
    config = tmp_path / "server.toml"
    config.write_text(f'[server]\nqueue = "{tmp_path / "queue.db"}"\n')
    words = ["bot", "queue", "--config", str(config)]
    assert main(words) == 1
    out = capsys.readouterr().out
    assert "0 jobs open (0 being done), 2 dead" in out
    assert "the App lacks `checks: write`: grant it" in out
    number = out.split("job ")[1].split(",")[0]
    assert main([*words, "--retry", number]) == 1
    assert "1 jobs open (0 being done), 1 dead" in capsys.readouterr().out
    assert main([*words, "--retry", number]) == 2
    assert f"there is no dead job {number}" in capsys.readouterr().err
    assert main([*words, "--drop", "all"]) == 0
    assert main([*words, "--retry", "x"]) == 2
    done: list[Job] = []
    worked(tmp_path, lambda job, sleep, again: done.append(job) or ())
    assert len(done) == 1


def test_what_the_disk_refused_to_note_is_noted_later(tmp_path: Path) -> None:
    times: list[float] = []

    class Sore(Queue):
        def finish(self, *words: Any) -> None:
            times.append(1)
            if len(times) < 3:
                raise sqlite3.OperationalError("disk I/O error")
            super().finish(*words)

    queue = Sore(tmp_path / "queue.db", 10, Quotas())
    with queue.transaction():
        queue.accept("d", b"d", push(), now())
    writer = Writer(queue)
    staff = Workers(writer, lambda job, sleep, again: (), Metrics(lambda: None, now), 1)
    writer.start()
    staff.start()
    end = time.monotonic() + 5
    while writer.submit(lambda queue: queue.depth()).result().open:
        assert time.monotonic() < end
        time.sleep(0.01)
    staff.stop(2.0)
    writer.stop()
    assert len(times) == 3
