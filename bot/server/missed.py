"""Asks GitHub to send again what we did not take: it never does so by itself.

A server that was down, or full, has missed deliveries. GitHub remembers them for three days.
"""

import logging
from collections.abc import Callable, Iterable

from ..github.app import App, Delivery

# What is younger may still be on its way to us.
_GRACE_SECONDS = 60.0
_MOST_AT_ONCE = 200
# One that is refused this often says something about us, not about the network.
_MOST_ATTEMPTS = 5

log = logging.getLogger("perflint.missed")


def missed(deliveries: Iterable[Delivery], now: float, since: float) -> list[int]:
    """Return the deliveries that never arrived, the oldest first, each once.

    `deliveries` are the newest first, as GitHub lists them, with every attempt; `since` is how far
    back to look. What we refused for what it is (400, 401, 413) would be refused again.
    """
    attempts: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        if delivery.at < since:
            break
        attempts.setdefault(delivery.guid, []).append(delivery)
    return [
        tries[0].id
        for tries in reversed(attempts.values())
        if not any(_settled(one.status) for one in tries)
        and tries[0].at < now - _GRACE_SECONDS
        and len(tries) < _MOST_ATTEMPTS
    ][:_MOST_AT_ONCE]


def ask_again(app: App, now: float, since: float, sleep: Callable[[float], None]) -> int:
    """Ask for what was missed; returns how many deliveries that are."""
    numbers = missed(app.deliveries(sleep=sleep), now, since)
    for number in numbers:
        app.deliver_again(number, sleep=sleep)
    if numbers:
        log.warning("asked GitHub for %d missed deliveries", len(numbers))
    return len(numbers)


def _settled(status: int) -> bool:
    return 200 <= status < 300 or status in (400, 401, 404, 405, 409, 413)
