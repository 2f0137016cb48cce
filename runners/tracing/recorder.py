"""Writes down what a traced process does, step by step. Without PyTorch."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from types import CodeType, FrameType

from .sites import Sites
from .trace import Counts, Frame, Kind, Sync

# A place of the program, and the call chain that came with it first.
_Key = tuple[Kind, str, str, Frame, Frame | None]
# Numbers of parts of a run that are no step.
_SET_UP = 0


class Recorder:
    """Counts operations by place and step.

    Set-up ends when the first forward pass in training begins; a step ends when the optimizer that
    has stepped most often steps again, so that two optimizers in turn make one step.
    """

    def __init__(self, sites: Sites) -> None:
        self._sites = sites
        self._lock = threading.Lock()
        self._counts: dict[_Key, Counter[int]] = defaultdict(Counter)
        self._chains: dict[_Key, tuple[Frame, ...]] = {}
        self._steps_of: Counter[Hashable] = Counter()
        self._free: set[tuple[CodeType, int]] = set()
        self._part = _SET_UP
        self.steps = 0
        self.notices: list[str] = []

    def record(self, kind: Kind, operation: str, why: str, frame: FrameType | None) -> None:
        """Note one operation of the code that runs in `frame`."""
        chain = self._sites.chain(frame)
        if not chain:
            return
        own = self._sites.own(chain)
        key = (kind, operation, why, chain[0], own)
        with self._lock:
            self._counts[key][self._part] += 1
            self._chains.setdefault(key, chain)

    def record_free(self, operation: str, why: str, frame: FrameType | None) -> None:
        """Note that a line of somebody's code, not PyTorch's, did something that costs nothing."""
        direct = self._sites.direct(frame)
        if direct is None or (place := (direct.f_code, direct.f_lineno)) in self._free:
            return  # that it happens at all is enough
        self._free.add(place)
        self.record(Kind.NONE, operation, why, direct)

    def began_training(self) -> None:
        """Note that a model in training was called: set-up is over."""
        if self._part == _SET_UP:
            self._part = 1

    def stepped(self, optimizer: Hashable) -> None:
        """Note that an optimizer has made a step."""
        with self._lock:
            self._steps_of[optimizer] += 1
            if self._steps_of[optimizer] > self.steps:
                self.steps += 1
                self._part = self.steps + 1

    def notice(self, words: str) -> None:
        """Keep something that the reader of the trace has to know."""
        if words not in self.notices:
            self.notices.append(words)

    def forget(self) -> None:
        """Begin anew: a forked child has its own steps."""
        self._lock = threading.Lock()
        self._counts.clear()
        self._steps_of.clear()
        self._part, self.steps = _SET_UP, 0

    def syncs(self, wanted: Callable[[Kind], bool] = lambda kind: True) -> tuple[Sync, ...]:
        """Return what was seen, the most frequent in steady steps first."""
        found = [
            Sync(kind, operation, why, self._chains[key], own, _counts(parts, self.steps))
            for key, parts in self._counts.items()
            for kind, operation, why, _, own in [key]
            if wanted(kind)
        ]
        found.sort(key=lambda sync: (-sum(sync.counts.steady.values()), -_total(sync.counts)))
        return tuple(found)


def _counts(parts: Counter[int], steps: int) -> Counts:
    return Counts(
        set_up=parts[_SET_UP],
        first=parts[1] if steps else 0,
        steady={part: n for part, n in sorted(parts.items()) if 1 < part <= steps},
        after=parts[steps + 1],
    )


def _total(counts: Counts) -> int:
    return counts.set_up + counts.first + sum(counts.steady.values()) + counts.after
