"""The parts of the server put together, and what happens regularly beside the jobs."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ... import PerflintError
from .intake import Intake, Receive, Scope, Send
from .metrics import Metrics
from .queue import Depth, Queue, now
from .settings import Settings
from .workers import StoppingError, Work, Workers
from .writer import Only, Writer

_PRUNE_SECONDS = 60.0
# GitHub's list is read this often, and this far back, for what we have missed.
_MISSED_SECONDS, _MISSED_BACK_SECONDS = 600.0, 3 * 86_400.0

log = logging.getLogger("perflint.server")

AskAgain = Callable[[float, float, Callable[[float], None]], int]


class Server:
    """One process: takes deliveries, keeps them and does what they ask for. An ASGI application.

    `ask_again` asks GitHub for deliveries that were missed; None where nobody is asked.
    """

    def __init__(self, settings: Settings, work: Work, ask_again: AskAgain | None = None) -> None:
        path = Path(settings.server.queue)
        self._settings = settings
        self._only = Only(path)
        try:
            self._queue = Queue(path, settings.limits.queue_jobs, settings.quotas)
        except PerflintError:
            self._only.release()
            raise
        self._metrics = Metrics(self._depth, now)
        self._writer = Writer(
            self._queue, self._metrics.committed, self._metrics.commit_failures.inc
        )
        self._workers = Workers(self._writer, work, self._metrics, settings.server.workers)
        self._intake = Intake(
            self._writer,
            self._metrics,
            secrets=settings.webhook_secrets,
            workflows=(settings.github.workflow, settings.github.command_workflow),
            limits=settings.limits,
            wake=self._workers.wake,
            ready=self._unready,
            alive=self._alive,
        )
        self._ask_again = ask_again
        self._stopping = False
        self._beside: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or begin and end with the process."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._intake(scope, receive, send)

    def end_intake(self) -> None:
        """Take no more deliveries: the process was told to end."""
        self._stopping = True

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        self._writer.start()
        begun = await self._change(lambda queue: queue.recover())
        depth = await self._change(lambda queue: queue.depth())
        log.info(
            "queue: %d jobs, of which %d had been begun; %d dead", depth.open, begun, depth.dead
        )
        self._workers.start()
        self._beside = [asyncio.create_task(self._regularly(_PRUNE_SECONDS, self._prune))]
        if self._ask_again is not None:
            again = self._regularly(_MISSED_SECONDS, self._missed)
            self._beside.append(asyncio.create_task(again))

    async def _stop(self) -> None:
        self._stopping = True
        for task in self._beside:
            task.cancel()
        seconds = self._settings.server.stop_seconds
        if not await asyncio.to_thread(self._workers.stop, seconds):
            log.warning(
                "jobs that did not end in %.0f seconds are done again at the next start", seconds
            )
        await asyncio.to_thread(self._writer.stop)
        self._queue.close()
        self._only.release()
        log.info("stopped")

    async def _regularly(self, seconds: float, what: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await what()
            except StoppingError:
                return
            except (PerflintError, sqlite3.Error) as error:
                log.error("%s", error)
            await asyncio.sleep(seconds)

    async def _prune(self) -> None:
        keep = self._settings.limits.keep_days * 86_400
        # In parts, so that no delivery waits long for it.
        while await self._change(lambda queue: queue.prune(now(), keep)):
            await asyncio.sleep(0.1)
        await self._change(lambda queue: queue.depth())

    async def _missed(self) -> None:
        assert self._ask_again is not None
        time = now()
        back = time - _MISSED_BACK_SECONDS
        await asyncio.to_thread(self._ask_again, time, back, self._workers.sleep)

    async def _change(self, change: Callable[[Queue], Any]) -> Any:
        return await asyncio.wrap_future(self._writer.submit(change))

    def _depth(self) -> Depth | None:
        with contextlib.suppress(sqlite3.Error, PerflintError, TimeoutError):
            return self._writer.submit(lambda queue: queue.depth()).result(5)
        return None

    def _unready(self) -> str:
        if self._stopping:
            return "stopping"
        if not self._alive():
            return "a thread has ended"
        return ""

    def _alive(self) -> bool:
        return self._writer.alive and (self._stopping or self._workers.alive)
