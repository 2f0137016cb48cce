"""The queue by itself: once only, in order, bounded, and what a crash leaves."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.bot.server.events import jobs_of
from torch_perflint.bot.server.job import LOOK_AGAIN_SECONDS
from torch_perflint.bot.server.queue import Queue, Taken, TransactionLostError
from torch_perflint.bot.server.quota import WINDOW_SECONDS, Allowed, Quotas, decide
from torch_perflint.bot.server.writer import Only, Writer

from . import payloads
from .payloads import WORKFLOW

MANY = Quotas(1000, 1000)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    queue = Queue(tmp_path / "queue.db", 100, MANY)
    yield queue
    queue.close()


def push(number: int = 5, **changed: Any) -> Any:
    return jobs_of("pull_request", payloads.pull_request(number=number, **changed), [WORKFLOW])


def result(number: int = 5) -> Any:
    return jobs_of("workflow_run", payloads.run_completed(number=number), [WORKFLOW])


def accept(queue: Queue, delivery: str, jobs: Any, now: float = 0.0) -> Any:
    return queue.accept(delivery, delivery.encode(), jobs, now)


def test_a_delivery_is_taken_once(queue: Queue) -> None:
    assert accept(queue, "a", push()).taken is Taken.ACCEPTED
    assert accept(queue, "a", push()).taken is Taken.KNOWN
    assert queue.accept("b", b"a", push(), 0.0).taken is Taken.REPLAYED
    assert queue.depth().open == 1


def test_of_one_pull_request_one_job_is_done_at_a_time_and_in_order(queue: Queue) -> None:
    for n, number in enumerate([5, 5, 6]):
        accept(queue, f"d{n}", push(number), float(n))
    first, other, none = queue.take(9.0), queue.take(9.0), queue.take(9.0)
    assert first and other and none is None
    assert (first.delivery, other.delivery) == ("d0", "d2")
    queue.finish(first, (), 9.0)
    second = queue.take(9.0)
    assert second and second.delivery == "d1"


def test_what_waits_for_another_try_keeps_its_place(queue: Queue) -> None:
    accept(queue, "d0", push())
    accept(queue, "d1", push())
    first = queue.take(1.0)
    assert first
    queue.retry(first, 10.0, "GitHub failed")
    assert queue.take(9.0) is None
    again = queue.take(10.0)
    assert again and (again.id, again.tries) == (first.id, 2)


def test_what_is_to_be_done_later_lets_others_pass_until_it_is_due(queue: Queue) -> None:
    accept(queue, "d0", result())
    first = queue.take(0.0)
    assert first
    [look] = result()
    queue.finish(first, [replace(look, looks=1)], 0.0)
    assert queue.take(LOOK_AGAIN_SECONDS - 1) is None
    accept(queue, "d1", push(), 1.0)
    other = queue.take(2.0)
    assert other and other.delivery == "d1"
    # Never both at once.
    assert queue.take(LOOK_AGAIN_SECONDS) is None
    queue.finish(other, (), LOOK_AGAIN_SECONDS)
    later = queue.take(LOOK_AGAIN_SECONDS)
    assert later and later.delivery == "d0"
    # Once it was begun it keeps its place.
    queue.retry(later, 100.0, "it is down")
    accept(queue, "d2", push(), 30.0)
    assert queue.take(99.0) is None


def test_what_follows_from_a_job_is_put_in_when_the_job_is_out(queue: Queue) -> None:
    accept(queue, "d0", push())
    job = queue.take(1.0)
    assert job
    queue.finish(job, result(7), 1.0)
    further = queue.take(1.0)
    assert further and (further.delivery, further.lane) == ("d0", "1#7")


def test_a_job_that_was_begun_when_the_process_ended_is_done_again(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "queue.db", 100, MANY)
    accept(queue, "d0", push())
    assert queue.take(1.0) and queue.take(1.0) is None
    queue.close()
    queue = Queue(tmp_path / "queue.db", 100, MANY)
    assert queue.take(1.0) is None  # as long as nobody says that the process has ended
    assert queue.recover() == 1
    again = queue.take(1.0)
    assert again and again.tries == 2
    queue.close()


def test_a_full_queue_takes_no_more_until_something_is_done(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "queue.db", 2, MANY)
    assert [accept(queue, f"d{n}", push(n + 1)).taken for n in range(3)] == [
        Taken.ACCEPTED,
        Taken.ACCEPTED,
        Taken.FULL,
    ]
    job = queue.take(1.0)
    assert job
    queue.finish(job, (), 1.0)
    # It was not remembered as known: it can come again.
    assert accept(queue, "d2", push(3)).taken is Taken.ACCEPTED
    queue.close()


def test_who_asks_too_often_is_told_once_and_then_left_out(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "queue.db", 100, Quotas(per_pull_request=2, per_user=3))
    ask = [jobs_of("issue_comment", payloads.comment(id=n + 1), [WORKFLOW]) for n in range(5)]
    found = [accept(queue, f"c{n}", jobs) for n, jobs in enumerate(ask)]
    assert [(one.jobs, one.over_quota) for one in found] == [(1, 0), (1, 0), (1, 0), (0, 1), (0, 1)]
    texts = []
    while job := queue.take(1.0):
        texts.append('"over_quota":true' in job.job)
        queue.finish(job, (), 1.0)
    assert texts == [False, False, True]
    # Results are free, a close asks for less, another pull request is another, an hour is over.
    assert accept(queue, "r", result()).jobs == 1
    assert accept(queue, "x", push(action="closed")).jobs == 1
    assert accept(queue, "o", push(6, sender="somebody")).jobs == 1
    assert accept(queue, "n", ask[0], WINDOW_SECONDS + 1).jobs == 1
    queue.close()


def test_one_person_is_counted_over_all_pull_requests(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "queue.db", 100, Quotas(per_pull_request=10, per_user=2))
    senders = ["Eve", "eve", "EVE", "mallory"]
    found = [accept(queue, f"d{n}", push(n + 1, sender=who)) for n, who in enumerate(senders)]
    assert [one.jobs for one in found] == [1, 1, 0, 1]
    queue.close()


def test_a_quota_decides_by_the_worst() -> None:
    assert decide([]) is Allowed.YES
    assert decide([(0, 1), (5, 6)]) is Allowed.YES
    assert decide([(1, 1), (5, 6)]) is Allowed.SAY_NO
    assert decide([(1, 1), (7, 6)]) is Allowed.NO


def test_dead_jobs_are_kept_put_back_and_dropped(queue: Queue) -> None:
    for n in range(2):
        accept(queue, f"d{n}", push(n + 1))
        job = queue.take(1.0)
        assert job
        queue.bury(job, 2.0, "no permission")
    assert queue.take(9.0) is None
    assert [(one.delivery, one.error) for one in queue.dead()] == [
        ("d0", "no permission"),
        ("d1", "no permission"),
    ]
    one, two = queue.dead()
    assert queue.revive(one.id, 3.0) and not queue.revive(one.id, 3.0)
    assert queue.drop(two.id) and not queue.drop(two.id)
    assert queue.dead() == []
    again = queue.take(9.0)
    assert again and (again.delivery, again.tries) == ("d0", 1)


def test_old_deliveries_are_forgotten_and_young_ones_are_not(queue: Queue) -> None:
    accept(queue, "old", push(), 0.0)
    accept(queue, "young", push(), 100.0)
    assert queue.prune(110.0, 50.0) == 1
    assert accept(queue, "young", push(), 110.0).taken is Taken.KNOWN
    assert accept(queue, "old", push(), 110.0).taken is Taken.ACCEPTED


def test_the_disk_is_asked_to_keep_what_is_committed(queue: Queue) -> None:
    database = queue._database
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_only_the_owner_can_read_the_queue(tmp_path: Path, queue: Queue) -> None:
    accept(queue, "d", push())
    assert {file.stat().st_mode & 0o077 for file in tmp_path.glob("queue.db*")} == {0}


def test_a_file_that_is_no_queue_is_named(tmp_path: Path) -> None:
    (tmp_path / "note.md").write_text("# no database\n" * 100)
    with pytest.raises(PerflintError, match=r"note\.md is no queue of perflint"):
        Queue(tmp_path / "note.md", 100, MANY)
    with pytest.raises(PerflintError, match="cannot write the queue"):
        Queue(tmp_path, 100, MANY)
    newer = sqlite3.connect(tmp_path / "newer.db")
    newer.execute("PRAGMA user_version = 9")
    newer.close()
    with pytest.raises(PerflintError, match="has version 9"):
        Queue(tmp_path / "newer.db", 100, MANY)


def test_two_servers_do_not_share_a_queue(tmp_path: Path) -> None:
    only = Only(tmp_path / "queue.db")
    with pytest.raises(PerflintError, match=r"another `perflint bot serve` uses the queue"):
        Only(tmp_path / "queue.db")
    only.release()
    Only(tmp_path / "queue.db").release()


def test_a_change_that_fails_undoes_itself_alone(tmp_path: Path, queue: Queue) -> None:
    def broken(queue: Queue) -> None:
        accept(queue, "lost", push())
        raise ValueError("no")

    writer = Writer(queue)
    futures = [
        writer.submit(lambda queue: accept(queue, "kept", push())),
        writer.submit(broken),
        writer.submit(lambda queue: accept(queue, "too", push(6))),
    ]
    cancelled = writer.submit(lambda queue: accept(queue, "hung up", push(7)))
    assert cancelled.cancel()
    writer.start()
    assert futures[0].result(5).taken is futures[2].result(5).taken is Taken.ACCEPTED
    with pytest.raises(ValueError):
        futures[1].result(5)
    writer.stop()
    other = sqlite3.connect(tmp_path / "queue.db")
    assert other.execute("SELECT id FROM deliveries").fetchall() == [("kept",), ("too",)]
    assert queue.depth().open == 2


def test_what_the_disk_does_not_take_is_said_to_all_of_the_group(queue: Queue) -> None:
    # As a full disk: SQLite takes no page more, and undoes the transaction.
    [pages] = queue._database.execute("PRAGMA page_count").fetchone()
    queue._database.execute(f"PRAGMA max_page_count = {pages}")
    failures: list[int] = []
    writer = Writer(queue, failed=lambda: failures.append(1))
    long = jobs_of("issue_comment", payloads.comment("/perflint " + "x" * 60_000), [WORKFLOW])
    futures = [
        writer.submit(lambda queue: accept(queue, "a", push())),
        writer.submit(lambda queue: accept(queue, "b", long)),
        writer.submit(lambda queue: accept(queue, "c", push())),
    ]
    writer.start()
    for future in futures:
        with pytest.raises((sqlite3.Error, TransactionLostError)):
            future.result(5)
    assert failures == [1]
    queue._database.execute("PRAGMA max_page_count = 100000")
    assert writer.submit(lambda queue: accept(queue, "d", push())).result(5)
    writer.stop()
    assert queue.depth().open == 1
