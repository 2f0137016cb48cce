"""Questions that lead to each other: each is answered once, none for ever, and not too many."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")

# How many questions may lead to each other, of whatever kind.
_DEEPEST = 60
# How many are answered for one that is asked from outside, and how many for a whole file.
_MOST_FOR_ONE = 300
_MOST = 4_000


class Questions(Generic[Answer]):
    """Keeps answers; one that rests on a question still open is kept until that is answered."""

    def __init__(self, unknown: Answer) -> None:
        """Take the answer to what would cost too much."""
        self._unknown = unknown
        self._known: dict[Hashable, Answer] = {}
        # The questions that are open, with their depth; and answers that rest on one of these.
        self._asked: dict[Hashable, int] = {}
        self._provisional: dict[Hashable, tuple[Answer, int]] = {}
        self._rests_on = _DEEPEST
        self._left = _MOST
        self._left_for_one = _MOST_FOR_ONE
        # How often an answer rested on a question that was open.
        self.cuts = 0

    @property
    def asking(self) -> bool:
        """Whether a question is open: answers given meanwhile may still change."""
        return bool(self._asked)

    @property
    def spent(self) -> bool:
        """Whether so much was asked that all else stays unknown."""
        return self._left <= 0 or self._left_for_one <= 0

    def spend(self) -> None:
        """Count one answer, or work that is lost since it rests on a question that is open."""
        self._left -= 1
        self._left_for_one -= 1

    def answer(
        self,
        key: Hashable,
        work_out: Callable[[], Answer],
        *,
        again: Answer,
        deepest: int = _DEEPEST,
    ) -> Answer:
        """Return what is known or work it out; `again` while that very question is open."""
        if key in self._known:
            return self._known[key]
        if key in self._provisional:
            found, rests_on = self._provisional[key]
            self._cut(rests_on)
            return found
        if key in self._asked:
            self._cut(self._asked[key])
            return again
        if not self._asked:
            self._left_for_one = _MOST_FOR_ONE
        if len(self._asked) >= deepest or self.spent:
            self._cut(0)
            return self._unknown
        return self._worked_out(key, work_out)

    def _cut(self, depth: int) -> None:
        self.cuts += 1
        self._rests_on = min(self._rests_on, depth)

    def _worked_out(self, key: Hashable, work_out: Callable[[], Answer]) -> Answer:
        depth, before = len(self._asked), self._rests_on
        self.spend()
        self._asked[key] = depth
        self._rests_on = _DEEPEST
        try:
            found = work_out()
        finally:
            del self._asked[key]
            rests_on, self._rests_on = self._rests_on, before
        self._close(depth, rests_on)
        if rests_on >= depth:
            self._known[key] = found
        else:
            self._provisional[key] = found, rests_on
            self._rests_on = min(before, rests_on)
        return found

    def _close(self, depth: int, rests_on: int) -> None:
        """Forget what rested on the question just answered, or let it rest on what that does."""
        for key, (found, other) in list(self._provisional.items()):
            if other >= depth and rests_on >= depth:
                del self._provisional[key]
            elif other >= depth:
                self._provisional[key] = found, rests_on
