"""The pytest plug-in that every run loads: the `perf` marker and fixture, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from ... import PerflintError
from ..selection.declared import is_glob
from .lazy import why_lazy, why_unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ..sample import PerfTest

MARKER = (
    "perf(items=1, unit='steps', min_effect=0.02, reads=None): a perf test; it asks for the "
    "fixture `perf` and calls `perf(step)` once. One step processes `items` things called `unit`; "
    "a slowdown below `min_effect` does not matter. `reads` lists globs, from the repository's "
    "root, of all data and configuration that it reads"
)

_GLOBS = (
    'a list of globs from the repository\'s root, such as ["configs/*.yaml", "data/"] (no {a,b})'
)


class Driver(Protocol):
    """Decides how often a step runs."""

    def drive(self, step: Callable[[], object]) -> None:
        """Run `step` as often as it takes."""


class SmokeTest:
    """What a plain pytest run does: the step has to run once, and nothing is timed."""

    def drive(self, step: Callable[[], object]) -> None:
        """Run `step` once."""
        if why := why_unfinished(step()):
            raise PerflintError(why)


# The worker puts its own driver here; a plain run has none.
DRIVER = pytest.StashKey[Driver]()


class Perf:
    """The fixture `perf`: call it with a function that does one training step."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.called = False

    @property
    def device(self) -> str:
        """The device to put models and batches on: "cuda" where PyTorch has one, else "cpu"."""
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"

    def __call__(self, step: Callable[[], object]) -> None:
        """Time one segment of steps and return. May be called once per test."""
        if self.called:
            raise PerflintError("perf(step) was called twice: write one perf test for each step")
        if not callable(step):
            raise PerflintError(
                f"perf(step) needs a function without arguments, not a value of type "
                f"{type(step).__name__}: if that is what the step returns, write perf(lambda: ...)"
            )
        if why := why_lazy(step):
            raise PerflintError(why)
        self.called = True
        self._driver.drive(step)


@pytest.fixture
def perf(request: pytest.FixtureRequest) -> Perf:
    """Time one training step: `perf(step)`. Under plain pytest the step runs once, untimed."""
    read_marker(request.node)
    return Perf(request.config.stash.get(DRIVER, SmokeTest()))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Fail a perf test that never called `perf(step)`; one that failed or skipped had a reason."""
    result = yield
    handle = pyfuncitem.funcargs.get("perf")
    if isinstance(handle, Perf) and not handle.called:
        pytest.fail(f"{pyfuncitem.name} never called perf(step), so there was nothing to time")
    return result


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, so that --strict-markers accepts it."""
    config.addinivalue_line("markers", MARKER)


def read_marker(item: pytest.Item) -> dict[str, Any]:
    """Return the checked keyword arguments of the test's `perf` marker.

    Raises PerflintError for an unknown keyword, a value of the wrong kind, or no marker at all.
    """
    marker = item.get_closest_marker("perf")
    if marker is None:
        raise PerflintError(
            f"{item.name} asks for the fixture `perf` but is not marked: add @pytest.mark.perf"
        )
    known = {
        "items": (int, float),
        "unit": (str,),
        "min_effect": (int, float),
        "reads": (list, tuple),
    }
    for key, value in marker.kwargs.items():
        if key not in known:
            raise PerflintError(
                f"@pytest.mark.perf of {item.name} has no argument {key!r}; "
                f"it takes {', '.join(known)}"
            )
        fits = isinstance(value, known[key]) and not isinstance(value, bool)
        if not fits or (isinstance(value, int | float) and not 0 < value < float("inf")):
            wanted = {"unit": "some text", "reads": _GLOBS}.get(key, "a number above 0")
            raise PerflintError(
                f"@pytest.mark.perf of {item.name}: {key} has to be {wanted}, not {value!r}"
            )
        if key == "reads" and not all(map(is_glob, value)):
            raise PerflintError(
                f"@pytest.mark.perf of {item.name}: reads has to be {_GLOBS}, not {value!r}"
            )
        if key == "min_effect" and value >= 1:
            raise PerflintError(
                f"@pytest.mark.perf of {item.name}: min_effect has to be a number below 1, "
                f"such as 0.05 for 5 %, not {value!r}"
            )
    if marker.args:
        raise PerflintError(f"@pytest.mark.perf of {item.name} takes keyword arguments only")
    reads = marker.kwargs.get("reads")
    return dict(marker.kwargs) | ({} if reads is None else {"reads": tuple(reads)})


def lacks_marker(item: pytest.Item) -> bool:
    """Whether a test takes our fixture `perf`, and no other of that name, without the mark."""
    if "perf" not in getattr(item, "fixturenames", ()) or item.get_closest_marker("perf"):
        return False
    known = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    nearest = known.get("perf", ())[-1:]
    return any(getattr(one.func, "__module__", "") == __name__ for one in nearest)


def perf_test(item: pytest.Item, path: str, min_effect: float) -> PerfTest:
    """Describe a collected test; `path` is its file relative to the repository's root."""
    from ..sample import PerfTest

    line = (item.location[1] or 0) + 1
    return PerfTest(item.nodeid, path, line, **{"min_effect": min_effect, **read_marker(item)})
