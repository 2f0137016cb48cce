"""The one thread that writes the queue: what waits is made durable together.

A disk makes a few hundred commits a second durable. While one is on its way, what comes waits, and
is part of the next.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from ... import PerflintError
from .queue import Queue, TransactionLostError

T = TypeVar("T")

_LARGEST_GROUP = 256

_Change = tuple[Callable[[Queue], Any], "Future[Any]"]


class Writer:
    """Runs changes of the queue, several in one transaction; each is durable when it returns."""

    def __init__(
        self,
        queue: Queue,
        committed: Callable[[int, float], None] = lambda changes, seconds: None,
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        self._queue = queue
        self._committed = committed
        self._failed = failed
        self._changes: SimpleQueue[_Change | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="perflint-queue", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        self._changes.put(None)
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def submit(self, change: Callable[[Queue], T]) -> "Future[T]":
        """Have a change made; the future ends when it is durable, or says why it is not."""
        future: Future[T] = Future()
        self._changes.put((change, future))
        return future

    def _run(self) -> None:
        while (first := self._changes.get()) is not None:
            group, last = [first], False
            with contextlib.suppress(Empty):
                while len(group) < _LARGEST_GROUP:
                    if (one := self._changes.get_nowait()) is None:
                        last = True
                        break
                    group.append(one)
            self._write(group)
            if last:
                return

    def _write(self, group: list[_Change]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        failed: list[tuple[Future[Any], Exception]] = []
        # From here on nobody can cancel one, as a client does that hangs up while it waits.
        group = [(change, future) for change, future in group if _begins(future)]
        begin = time.monotonic()
        try:
            with self._queue.transaction():
                for change, future in group:
                    try:
                        with self._queue.part():
                            done.append((future, change(self._queue)))
                    except TransactionLostError:
                        raise
                    except Exception as error:  # this change's own: whoever asked for it is told
                        failed.append((future, error))
        except Exception as error:  # nothing of the group is durable, and all are told
            self._failed()
            for _, future in group:
                future.set_exception(error)
            return
        self._committed(len(group), time.monotonic() - begin)
        for future, result in done:
            future.set_result(result)
        for future, problem in failed:
            future.set_exception(problem)


def _begins(future: "Future[Any]") -> bool:
    return future.set_running_or_notify_cancel()


class Only:
    """Keeps a second server from the same queue: each would do what the other does."""

    def __init__(self, path: Path) -> None:
        lock = path.with_name(path.name + ".lock")
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._file)
            raise PerflintError(
                f"another `perflint bot serve` uses the queue {path}: stop it first, or name "
                "another file"
            ) from error
        except OSError as error:
            raise PerflintError(f"cannot write {lock}: {error.strerror}") from error

    def release(self) -> None:
        """Let another server have the queue."""
        os.close(self._file)
