"""Works the queue off: some threads, each with one job at a time."""

import logging
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from ... import PerflintError
from ..github.errors import GoneError, NotFoundError, UnavailableError
from .job import Job, kind_of, read_job
from .metrics import Metrics
from .queue import Queue, Waiting, now
from .writer import Writer

# With the waits below a job is tried for about an hour and a half.
MOST_TRIES = 12
# A failure of ours seldom mends itself; twice is for a process that was ended from outside.
MOST_TRIES_OF_A_BUG = 3
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 2.0, 900.0
# GitHub tells of something before all of its machines know it: so long, 404 may mean "not yet".
_YOUNG_SECONDS = 120.0
# How late at most a job is seen that becomes due, or that an operator has put back.
_LOOK_AGAIN_SECONDS = 1.0

log = logging.getLogger("perflint.jobs")


class StoppingError(Exception):
    """The server stops: a job that waits for something is put back."""


class Work(Protocol):
    """Does a job, and returns what is to be done next about it.

    It may be done twice, the first time only in part: it has to see what is there already. Raises
    UnavailableError where another try may help, NotFoundError where one may while the job is
    young, and another PerflintError where none will. GoneError: later there is nothing to do.
    `sleep` waits, and raises StoppingError when the server stops; `again` says that the job was
    begun before.
    """

    def __call__(self, job: Job, sleep: Callable[[float], None], again: bool) -> Iterable[Job]:
        """Do one job."""


class Workers:
    """Threads that do jobs; `wake` tells them that there is something to do."""

    def __init__(self, writer: Writer, work: Work, metrics: Metrics, count: int) -> None:
        self._writer = writer
        self._work = work
        self._metrics = metrics
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._news = 0
        self._threads = [
            threading.Thread(target=self._run, name=f"perflint-worker-{n}", daemon=True)
            for n in range(1, count + 1)
        ]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Have one thread look into the queue, if any is idle: others do so when they are."""
        with self._changed:
            self._news += 1
            self._changed.notify()

    def stop(self, seconds: float) -> bool:
        """Begin nothing new and wait for what is being done; whether all of it came to an end."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def alive(self) -> bool:
        """Whether all threads run."""
        return all(thread.is_alive() for thread in self._threads)

    def sleep(self, seconds: float) -> None:
        """Wait, unless the server stops: then raise StoppingError."""
        if self._stop.wait(seconds):
            raise StoppingError

    def _run(self) -> None:
        job: Waiting | None = None
        while not self._stop.is_set():
            seen = self._news
            if job is None:
                job = self._take()
            if job is not None:
                job = self._keep(self._do(job))
                continue
            with self._changed:
                if self._news == seen and not self._stop.is_set():
                    self._changed.wait(_LOOK_AGAIN_SECONDS)
        if job is not None:
            self._keep(_give_back(job))

    def _take(self) -> Waiting | None:
        try:
            return self._writer.submit(lambda queue: queue.take(now())).result()
        except (sqlite3.Error, PerflintError) as error:
            log.error("the queue cannot be written: %s", error)
            return None

    def _do(self, job: Waiting) -> Callable[[Queue], None]:
        """Do a job, and return what the queue has to be told of it."""
        begin, kind = time.monotonic(), "unreadable"
        try:
            read = read_job(job.job)
            kind = kind_of(read)
            if job.tries > MOST_TRIES:
                raise PerflintError("the server ended each time while it did this")
            further = tuple(self._work(read, self.sleep, job.tries > 1))
        except StoppingError:
            outcome, change = "stopped", _give_back(job)
        except UnavailableError as error:
            outcome, change = _again(job, error, MOST_TRIES)
        except NotFoundError as error:
            outcome, change = _missed(job, error)
        except PerflintError as error:
            outcome, change = "dead", _bury(job, str(error))
        except Exception as error:  # ours to mend: told whole in the log, in short in the queue
            log.exception("job %d (%s) failed: a bug in perflint", job.id, kind)
            outcome, change = _again(job, error, MOST_TRIES_OF_A_BUG)
        else:
            outcome, change = "done", _finish(job, further)
        level = logging.ERROR if outcome == "dead" else logging.INFO
        seconds = time.monotonic() - begin
        log.log(level, "job %d %s %s, try %d: %s", job.id, kind, job.lane, job.tries, outcome)
        self._metrics.worked(kind, outcome, seconds)
        return change

    def _keep(self, change: Callable[[Queue], None]) -> Waiting | None:
        """Write what became of a job, however long the disk does not take it; take the next."""

        def both(queue: Queue) -> Waiting | None:
            change(queue)
            return None if self._stop.is_set() else queue.take(now())

        while True:
            try:
                return self._writer.submit(both).result()
            except (sqlite3.Error, PerflintError) as error:
                log.error("the queue cannot be written: %s", error)
            if self._stop.wait(_LOOK_AGAIN_SECONDS):
                return None  # the next server finds the job begun, and does it again


def wait_seconds(tries: int) -> float:
    """Return how long to wait after a try: about twice as long each time, and never in step."""
    return min(_FIRST_WAIT_SECONDS * 2.0 ** (tries - 1), _LONGEST_WAIT_SECONDS) * random.uniform(
        0.75, 1.25
    )


def _again(job: Waiting, error: Exception, most: int) -> tuple[str, Callable[[Queue], None]]:
    text = f"{type(error).__name__}: {error}"
    if job.tries >= most:
        return "dead", _bury(job, text)
    due = now() + wait_seconds(job.tries)
    log.warning("job %d, try %d of %d: %s", job.id, job.tries, most, text)
    return "retried", lambda queue: queue.retry(job, due, text)


def _missed(job: Waiting, error: NotFoundError) -> tuple[str, Callable[[Queue], None]]:
    """Try a young job again; of an old one there is nothing to do, or it is given up."""
    if now() - job.at < _YOUNG_SECONDS and job.tries < MOST_TRIES:
        return _again(job, error, MOST_TRIES)
    if isinstance(error, GoneError):
        log.info("job %d: %s", job.id, error)
        return "done", _finish(job, ())
    return "dead", _bury(job, str(error))


def _bury(job: Waiting, error: str) -> Callable[[Queue], None]:
    log.error("job %d of %s is given up: %s", job.id, job.lane, error)
    return lambda queue: queue.bury(job, now(), error)


def _finish(job: Waiting, further: tuple[Job, ...]) -> Callable[[Queue], None]:
    return lambda queue: queue.finish(job, further, now())


def _give_back(job: Waiting) -> Callable[[Queue], None]:
    return lambda queue: queue.give_back(job)
