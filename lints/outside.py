"""What a file may ask about the other files of its project."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Protocol

from .values import UNKNOWN, Value

# What comes from these is nobody's own code.
LIBRARIES = (
    *("torch.", "torchvision.", "torchaudio.", "numpy.", "math.", "time.", "os.", "random."),
    *("pytorch_lightning.", "tqdm.", "collections.", "logging.", "typing.", "itertools."),
    *("functools.", "contextlib.", "dataclasses.", "warnings.", "json.", "pathlib.", "copy."),
)


# Under this name stands what a call spreads over many parameters.
SPREAD = "**"


class Place(Enum):
    """What makes code run in every step."""

    LOOP = "step loop"
    FUNCTION = "step function"
    HOOK = "hook"
    FORWARD = "forward"
    # Not in every step: the call only tells which loaders are handed on.
    HANDED = "handed"


@dataclass(frozen=True, slots=True)
class HotCall:
    """A call, in code that runs in every step, of what another file defines.

    `target` is the full name as the calling file imports it. `chain` leads to the call: one
    "train.py:88" for each file on the way. `passed` says what is given to a parameter, by its name
    or its number; under SPREAD stands the mapping of `**mapping`. `seldom` are those of them that
    are true in few steps only, `given` those that are never None, `missing` those that always are.
    """

    target: str
    place: Place
    chain: tuple[str, ...]
    passed: tuple[tuple[str | int, Value], ...] = ()
    seldom: tuple[str | int, ...] = ()
    given: tuple[str | int, ...] = ()
    missing: tuple[str | int, ...] = ()


class Outside(Protocol):
    """The rest of the project, as one of its files sees it."""

    @property
    def trains(self) -> bool:
        """Whether any file takes training steps."""

    @property
    def accelerates(self) -> bool:
        """Whether any file trains on a GPU or its like."""

    @property
    def on_host(self) -> bool:
        """Whether the project trains, and none of its files speaks of an accelerator."""

    @property
    def called(self) -> Mapping[str, HotCall]:
        """What others call of this file in every step: `function` or `Class.method`."""

    def bases(self, name: str) -> frozenset[str]:
        """Return the library classes that an imported class derives from."""

    def returned(self, name: str, at: tuple[int | None, ...] = ()) -> Value:
        """Return what an imported function gives back, or a part of the tuple that it gives."""

    def made(self, name: str) -> str | None:
        """Return the full name of the class whose objects an imported function gives back."""

    def makes_tensor(self, name: str) -> bool:
        """Whether an imported function, given numbers, makes a tensor on the host of them."""

    def is_telling(self, method: str) -> bool:
        """Whether the name of a method alone tells which class, or which few, it belongs to."""

    def overridden(self, home: str, method: str) -> bool:
        """Whether a class of another file overrides a method of a class of this one."""

    def defines(self, name: str) -> bool:
        """Whether an imported name leads to a file of the project."""


class Alone:
    """A file of which nothing else is known."""

    trains = False
    accelerates = False
    on_host = False
    called: Mapping[str, HotCall] = MappingProxyType({})

    def bases(self, name: str) -> frozenset[str]:
        """Nothing is known of other files."""
        return frozenset()

    def returned(self, name: str, at: tuple[int | None, ...] = ()) -> Value:
        """Nothing is known of other files."""
        return UNKNOWN

    def overridden(self, home: str, method: str) -> bool:
        """Nothing is known of other files."""
        return False

    def made(self, name: str) -> str | None:
        """Nothing is known of other files."""
        return None

    def makes_tensor(self, name: str) -> bool:
        """Nothing is known of other files."""
        return False

    def is_telling(self, method: str) -> bool:
        """Nothing is known of other files."""
        return False

    def defines(self, name: str) -> bool:
        """Nothing is known of other files."""
        return False


ALONE = Alone()


def called_in_steps(outside: Outside, name: str) -> HotCall | None:
    """Return how other files call a function of this one in every step."""
    call = outside.called.get(name)
    return None if call is None or call.place is Place.HANDED else call
