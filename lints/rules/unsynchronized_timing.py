"""PFL810 unsynchronized-timing."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..nodes import Loop, path_of
from ..outside import Place
from ..rule import Rule

_CLOCKS = {"time.time", "time.perf_counter", "time.monotonic", "timeit.default_timer"}
_WAITS = {"synchronize", "item", "cpu", "tolist", "numpy", "elapsed_time", "barrier"}


class UnsynchronizedTiming(Rule):
    """A training step is timed on the host, and nothing in it waits for the device.

    ## Why it is slow
    It is not slow but wrong: kernels are only queued when the clock is read, so the time is that of
    queueing them, and whatever waits next is blamed for the rest.

    ## Instead
    `torch.cuda.Event(enable_timing=True)` around the step, read every N steps, or the clock of the
    host over many steps with one `torch.cuda.synchronize()` before each reading.

    ## When it is fine
    Where the time of the host is meant, as that of loading data, and over so many steps that the
    queue is full.

    ## Source
    PyTorch documentation, "CUDA semantics", section "Asynchronous execution".
    """

    code = "PFL810"
    tokens = ("time", "perf_counter")
    preview = True
    needs_accelerator = True

    VALID = (
        """
        import time
        import torch
        for x in loader:
            start = time.time()
            loss = model(x).mean()
            loss.backward()
            optimizer.step()
            torch.cuda.synchronize()
            spent += time.time() - start
        """,
        """
        import time
        import torch
        for x in loader:
            start = time.time()
            loss = model(x).mean()
            loss.backward()
            optimizer.step()
            total += loss.item()
            spent += time.time() - start
        """,
        """
        import time
        import torch
        end = time.time()
        for x in loader:
            waited = time.time() - end
            loss = model(x).mean()
            loss.backward()
            optimizer.step()
            end = time.time()
        """,
    )
    INVALID = (
        """
        import time
        import torch
        for x in loader:
            start = time.time()
            loss = model(x).mean()
            loss.backward()
            optimizer.step()
            spent += time.time() - start  # <-
        """,
        """
        from time import perf_counter
        import torch
        for x in loader:
            began = perf_counter()
            model(x).mean().backward()
            optimizer.step()
            print(perf_counter() - began)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the readings of a clock."""
        return (call for call in facts.syntax.calls if facts.names.of(call.func) in _CLOCKS)

    def visit_BinaryOperation(self, node: cst.BinaryOperation) -> None:
        """Flag `time.time() - start` after a step that nothing waits for."""
        found = self.facts.counterpart(node)
        match found:
            case ast.BinOp(left=ast.Call(func=func), op=ast.Sub(), right=start):
                pass
            case _:
                return
        path = path_of(start)
        hot = self.facts.hot(node)
        if self.facts.names.of(func) not in _CLOCKS or path is None or hot is None:
            return
        timed = self._timed(found, start, path)
        if hot.place is not Place.LOOP or not timed:
            return
        names = {_last(call) for call in timed}
        if "backward" in names and not names & _WAITS and "print" not in names:
            self.report(node, "the time of queueing kernels is taken for that of running them")

    def _timed(self, node: ast.AST, start: ast.AST, path: tuple[str, ...]) -> list[ast.Call]:
        """Return the calls between start and reading of the clock, in one turn of a loop."""
        found = self.facts.bindings.reaching(start, path)
        loop = self.facts.regions.step_loop(node)
        if len(found) != 1 or loop is None or not isinstance(found[0].site, ast.stmt):
            return []
        began, ended = found[0].site.lineno, getattr(node, "lineno", 0)
        if not any(parent is loop for _, parent in self.facts.syntax.ancestors(found[0].site)):
            return []
        if any(isinstance(inner, Loop) and inner is not loop for inner in ast.walk(loop)):
            return []
        return [call for call in self.facts.syntax.calls if began < call.lineno < ended]


def _last(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""
