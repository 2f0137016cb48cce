"""`perflint bot queue`: shows what could not be done, and puts it back or drops it."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from ... import PerflintError
from .queue import Dead, Queue, now
from .settings import load_file

HELP = """\
Show the jobs that the server has given up, and why. Once the cause is mended, put them back with
--retry; the running server sees them within a second.
"""


def main(words: list[str]) -> int:
    """Show or change the queue; 1 where dead jobs are left."""
    parser = argparse.ArgumentParser(prog="perflint bot queue", description=HELP)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE.toml")
    parser.add_argument("--retry", action="append", default=[], metavar="ID|all")
    parser.add_argument("--drop", action="append", default=[], metavar="ID|all")
    asked = parser.parse_args(words)
    public = load_file(asked.config)
    path = Path(public.server.queue)
    if not path.is_file():
        raise PerflintError(f"there is no queue {path}: has the server run with these settings?")
    queue = Queue(path, public.limits.queue_jobs, public.quotas)
    try:
        with queue.transaction():
            for number in _numbers(asked.retry, queue.dead()):
                if not queue.revive(number, now()):
                    raise PerflintError(f"there is no dead job {number}")
            for number in _numbers(asked.drop, queue.dead()):
                if not queue.drop(number):
                    raise PerflintError(f"there is no dead job {number}")
            depth, dead = queue.depth(), queue.dead()
    finally:
        queue.close()
    print(f"{depth.open} jobs open ({depth.running} being done), {len(dead)} dead")
    for job in dead:
        print(f"\n{_told(job)}")
    return 1 if dead else 0


def _numbers(words: list[str], dead: list[Dead]) -> list[int]:
    if "all" in words:
        return [job.id for job in dead]
    if wrong := [word for word in words if not word.isdigit()]:
        raise PerflintError(f"{wrong[0]!r} is no job: give its number, or all")
    return [int(word) for word in words]


def _told(job: Dead) -> str:
    ended = datetime.fromtimestamp(job.ended, UTC).isoformat(timespec="seconds")
    return (
        f"job {job.id}, given up {ended} after {job.tries} tries (delivery {job.delivery})\n"
        f"  {job.job}\n  {' '.join(job.error.split())}"
    )
