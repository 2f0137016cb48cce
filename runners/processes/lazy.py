"""Tells apart steps that only promise their work when they are called: coroutines, generators."""

import inspect
from collections.abc import Callable

_AWAITED = (
    "calling it runs nothing of it. Await it inside the step: make a loop before, "
    "`loop = asyncio.new_event_loop()`, and call "
    "`perf(lambda: loop.run_until_complete(step()))`"
)
_CONSUMED = (
    "calling it runs nothing of it. Go through it inside the step, as in "
    "`perf(lambda: collections.deque(step(), maxlen=0))`, or take one item with `next`"
)


def why_lazy(step: Callable[[], object]) -> str | None:
    """Say why a call of `step` would do no work, and what to do; None where nothing shows that."""
    for function in (step, type(step).__call__):
        if inspect.iscoroutinefunction(function):
            return f"perf(step) got a coroutine function: {_AWAITED}"
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            return f"perf(step) got a generator function: {_CONSUMED}"
    return None


def why_unfinished(result: object) -> str | None:
    """Say why the step that gave `result` has not done its work; None where nothing shows that."""
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()  # or Python warns, later and elsewhere, that nobody awaited it
        return f"the step returned something to await ({type(result).__name__}): {_AWAITED}"
    if inspect.isgenerator(result) or inspect.isasyncgen(result):
        return f"the step returned a generator: {_CONSUMED}"
    return None
