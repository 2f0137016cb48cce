"""Sends webhook deliveries to the real server at a steady rate, kills it, and counts what is left.

The server runs as `perflint bot serve` runs it, in a process of its own; so does the stand-in for
GitHub that its workers talk to. Most deliveries are pushes of 25 kB, every fiftieth is a run whose
report is posted. A delivery is sent when its time has come, whether earlier ones are answered or
not, and its latency counts from then. With --kill the server is killed with SIGKILL in the middle
and started again; what was not answered meanwhile is delivered again under its id, as GitHub does
when asked. Forged, repeated and oversized deliveries come in between. The status is 1 where a bar
is missed.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)]))

from torch_perflint.bot.server.signature import sign  # noqa: E402
from torch_perflint.bot.sticky import read_marker  # noqa: E402

from tests.bot.server import payloads  # noqa: E402
from tests.bot.server.conftest import APP_ID, Process, keys  # noqa: E402

MOST_P99_MS, LARGEST_MIB = 100, 256
PULL_REQUESTS = 300
REPORT_EVERY, ODD_EVERY = 50, 40
_TEXT = "What this change does, and why. " * 600


_FIRST_RUN = 1_000_000


def _number(n: int) -> int:
    """The pull request whose run is told at the n-th delivery."""
    return n // REPORT_EVERY % PULL_REQUESTS + 1


@dataclass
class Sent:
    """A delivery, and how it was answered: 0 is for no answer at all."""

    guid: str
    body: bytes
    event: str
    odd: str = ""  # forged, repeated or oversized
    statuses: list[int] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Found:
    """What came of it; `memory` is the server's in bytes, by the second."""

    usual: list[Sent] = field(default_factory=list)
    odd: list[Sent] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    connections: int = 0
    took: float = 0.0
    rest: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    lost: list[Sent] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)


def github(pipe: Connection) -> None:
    """Be GitHub, in a process of its own, until asked what stands there."""
    from tests.bot.github.routes_apps import LOGIN
    from tests.bot.github.server import Pull, serving
    from tests.bot.github.storage import storing
    from tests.bot.server.conftest import measured

    with serving() as fake, storing() as fake.storage:
        fake.app = (APP_ID, keys()[1])
        permissions = dict.fromkeys(("actions", "checks", "contents", "pull_requests"), "write")
        fake.installations[payloads.INSTALLATION] = permissions
        for number in range(1, PULL_REQUESTS + 1):
            fake.pulls[number] = Pull(number, head=f"{number:040x}", branch=f"topic-{number}")
        pipe.send((fake.url, fake.storage.host, keys()[0]))
        for number, run in pipe.recv():
            measured(fake, number, run)
        pipe.send("ready")
        pipe.recv()
        told: dict[int, list[int | None]] = {}
        for number, comment in fake.comments.items():
            if comment["user"]["login"] == LOGIN and (found := read_marker(comment["body"])):
                told.setdefault(fake.thread[number], []).append(found[1].run)
        pipe.send((told, fake.problems))


class Deliveries:
    """Makes deliveries that differ, and cheaply: the payload is checked once."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        number, head = 10**9 + 7, "e" * 40
        push = payloads.pull_request(number=number, head=head, text=_TEXT)
        self._push = json.dumps(push).replace(str(number), "%(number)d").replace(head, "%(head)s")
        run = payloads.run_completed(run=10**9 + 9, number=number)
        text = json.dumps(run).replace(str(number), "%(number)d")
        self._run = text.replace(str(10**9 + 9), "%(run)d")
        self.newest_run: dict[int, int] = {}

    def runs(self, count: int) -> list[tuple[int, int]]:
        """Pull request and run of each report among so many deliveries."""
        return [(_number(n), _FIRST_RUN + n) for n in range(0, count, REPORT_EVERY)]

    def make(self, n: int) -> Sent:
        number = _number(n)
        if n % REPORT_EVERY == 0:
            self.newest_run[number] = run = _FIRST_RUN + n
            return self._sent("workflow_run", self._run % {"number": number, "run": run})
        words = {"number": n % PULL_REQUESTS + 1, "head": f"{n:040x}"}
        return self._sent("pull_request", self._push % words)

    def odd(self, n: int, usual: Sent) -> Sent:
        """One that has to be refused."""
        kind = ("forged", "repeated", "oversized")[n // ODD_EVERY % 3]
        if kind == "repeated":
            return Sent(str(uuid4()), usual.body, usual.event, kind)
        if kind == "oversized":
            return Sent(str(uuid4()), usual.body.ljust(self._largest + 1), usual.event, kind)
        return Sent(str(uuid4()), usual.body + b" ", usual.event, kind)

    def _sent(self, event: str, text: str) -> Sent:
        return Sent(str(uuid4()), text.encode(), event)


class Sender:
    """Sends over connections that stay open, as many as it takes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.connections = 0

    async def send(self, one: Sent, due: float) -> None:
        secret = "f" * 64 if one.odd == "forged" else payloads.SECRET
        head = (
            f"POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            f"content-length: {len(one.body)}\r\nx-github-event: {one.event}\r\n"
            f"x-github-delivery: {one.guid}\r\n"
            f"x-hub-signature-256: {sign(one.body, secret)}\r\n\r\n"
        )
        try:
            status = await asyncio.wait_for(self._exchange(head.encode(), one.body), 10)
        except (OSError, EOFError, ValueError, TimeoutError):
            status = 0
        one.statuses.append(status)
        one.seconds = time.perf_counter() - due

    async def _exchange(self, head: bytes, body: bytes) -> int:
        # As a proxy does: what the server has closed meanwhile is not used again.
        self._free = [pair for pair in self._free if not pair[0].at_eof()]
        if self._free:
            reader, writer = self._free.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            self.connections += 1
        try:
            writer.write(head + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            status = int(answer.split(b" ", 2)[1])
            length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
        except BaseException:
            writer.close()
            raise
        if b"connection: close" in answer.lower():
            writer.close()
        else:
            self._free.append((reader, writer))
        return status


async def load(server: Process, make: Deliveries, rate: float, seconds: float, kill: bool) -> Found:
    """Send at the rate, and once more what was not taken."""
    found, sender = Found(), Sender(server.port)
    usual, odd = found.usual, found.odd
    count, tasks, restarts = round(rate * seconds), set(), []
    begin = time.perf_counter() + 0.2
    for n in range(count):
        due = begin + n / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        if kill and n == count // 2:
            server.child.kill()
            restarts.append(asyncio.create_task(asyncio.to_thread(_again, server)))
        one = make.make(n)
        usual.append(one)
        tasks.add(asyncio.create_task(sender.send(one, due)))
        if n % ODD_EVERY == ODD_EVERY - 1 and (earlier := usual[-ODD_EVERY]).statuses == [202]:
            odd.append(make.odd(n, earlier))
            tasks.add(asyncio.create_task(sender.send(odd[-1], time.perf_counter())))
        tasks = {task for task in tasks if not task.done()}
        if n % round(rate) == 0 and (size := _rss(server)):
            found.memory.append(size)
    await asyncio.gather(*tasks, *restarts)
    found.took = time.perf_counter() - begin
    for one in usual:
        if one.statuses[-1] not in (200, 202):
            await sender.send(one, time.perf_counter())
    found.connections = sender.connections
    return found


def _again(server: Process) -> None:
    server.child.wait()
    server.start()


def _rss(server: Process) -> int:
    try:
        text = Path(f"/proc/{server.child.pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        return 0


def drain(server: Process, seconds: float) -> float:
    """Wait until nothing is left to do; returns how long that took."""
    begin = time.monotonic()
    while server.metric("perflint_queue_jobs"):
        if time.monotonic() - begin > seconds:
            break
        time.sleep(0.2)
    return time.monotonic() - begin


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="deliveries a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kill", action="store_true", help="kill the server in the middle")
    asked = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    stand_in = context.Process(target=github, args=(theirs,), daemon=True)
    stand_in.start()
    url, storage, key = ours.recv()
    make = Deliveries(2 * 2**20)
    ours.send(make.runs(round(asked.rate * asked.seconds)))
    ours.recv()
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:
        server = Process(Path(folder), url, key=key, storage=storage)
        server.start()
        found = asyncio.run(load(server, make, asked.rate, asked.seconds, asked.kill))
        found.rest = drain(server, 120.0)
        found.metrics = {
            name: server.metric(f"perflint_{name}")
            for name in ("commit_changes_count", "commit_changes_sum", "queue_jobs", "queue_dead")
        }
        found.memory.append(_rss(server))
        server.end()
        database = sqlite3.connect(Path(folder) / "queue.db")
        kept = {row[0] for row in database.execute("SELECT id FROM deliveries")}
        database.close()
    ours.send("what stands there?")
    told, problems = ours.recv()
    stand_in.join()
    found.lost = [
        one for one in found.usual if one.statuses[-1] not in (200, 202) or one.guid not in kept
    ]
    found.wrong = [number for number, run in make.newest_run.items() if told.get(number) != [run]]
    print(f"comments    on {len(make.newest_run)} pull requests with reports")
    print("".join(f"problem     {problem}\n" for problem in problems), end="")
    return report(found, asked.rate)


def report(found: Found, rate: float) -> int:
    """Print what was measured; 1 where a bar is missed."""
    usual, metrics, memory = found.usual, found.metrics, [size / 2**20 for size in found.memory]
    first = sorted(one.seconds * 1e3 for one in usual if one.statuses[0] == 202)
    p50, p99 = (first[int(len(first) * q)] for q in (0.5, 0.99))
    answered = Counter(one.statuses[0] for one in usual)
    refused = Counter((one.odd, one.statuses[0]) for one in found.odd)
    commits, changes = metrics["commit_changes_count"], metrics["commit_changes_sum"]
    achieved = len(usual) / found.took
    print(f"sent        {len(usual)} in {found.took:.1f} s: {achieved:.0f} a second")
    print(f"answers     {dict(sorted(answered.items()))} at first (0: none)")
    print(f"latency     p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {first[-1]:.1f} ms")
    print(f"connections {found.connections}")
    print(f"commits     {commits:.0f} since the last start, {changes / commits:.1f} changes each")
    print(
        f"memory      {memory[0]:.0f} MiB, {max(memory):.0f} at most, {memory[-1]:.0f} at the end"
    )
    print(f"left        {found.rest:.1f} s of work, then {metrics['queue_jobs']:.0f} jobs")
    print(f"odd         {dict(sorted(refused.items()))}")
    right = {("forged", 401), ("repeated", 409), ("oversized", 413)}
    right |= {(kind, 0) for kind, _ in right}  # while the server was down
    bars = {
        "the rate was held": achieved > 0.98 * rate,
        f"p99 is at most {MOST_P99_MS} ms": p99 <= MOST_P99_MS,
        f"nothing is lost ({len(found.lost)})": not found.lost and not metrics["queue_jobs"],
        f"nothing is dead ({metrics['queue_dead']:.0f})": not metrics["queue_dead"],
        f"every report stands once ({len(found.wrong)} do not)": not found.wrong,
        f"memory stays below {LARGEST_MIB} MiB": max(memory) < LARGEST_MIB,
        "what is odd is refused": set(refused) <= right,
    }
    for bar, met in bars.items():
        print(f"{'yes' if met else 'NO '}  {bar}")
    return 0 if all(bars.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
