"""The time that a run, or a part of it, may take."""

import time


class TimeLimit:
    """The seconds that a run may take as a whole (`total_seconds`), from its making on."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def seconds_left(self) -> float:
        """How much is left; below zero when it is over."""
        return self._end - time.monotonic()

    def within(self, seconds: float) -> "TimeLimit":
        """Return a limit that is over after so many seconds from now, or with this one."""
        return TimeLimit(max(0.0, min(seconds, self.seconds_left())))

    def share(self, seconds: float) -> float:
        """Return how long a smaller part may take: so long, or a quarter of what is left."""
        return max(0.0, min(seconds, self.seconds_left() / 4))

    def is_over(self) -> bool:
        """Whether nothing more may begin."""
        return self.seconds_left() <= 0

    def over(self) -> str:
        """Say that it is over."""
        return f"the run's {self._seconds:.0f} s (`total_seconds`) are used up"

    def left(self, seconds: float) -> str:
        """Say how much timing is left, to be put behind what is done now.

        `seconds` are what the tests that are left may take together.
        """
        left = max(0.0, min(seconds, self.seconds_left()))
        words = f"{left:.0f} s" if left < 90 else f"{left / 60:.0f} min"
        return f", at most {words} of timing left"
