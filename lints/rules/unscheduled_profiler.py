"""PFL702 unscheduled-profiler."""

import ast
import re
from collections.abc import Iterable

import libcst as cst

from ..conditions import always_runs
from ..facts import Facts
from ..nodes import Loop
from ..rule import Rule

_PROFILERS = {
    "torch.profiler.profile",
    "torch.autograd.profiler.profile",
    "torch.autograd.profiler.emit_nvtx",
    "torch.autograd.profiler.emit_itt",
}
_FOR_PROFILING = re.compile(r"profil|bench|trace|nsys|memory|debug", re.IGNORECASE)


class UnscheduledProfiler(Rule):
    """A profiler without a `schedule` records every training step.

    ## Why it is slow
    Each operation and each kernel is recorded and kept, for as long as the loop runs. Steps take
    longer, and the trace grows until memory runs out or nobody can open it.

    ## Instead
    Record a few steps: `torch.profiler.profile(schedule=torch.profiler.schedule(wait=5, warmup=2,
    active=3, repeat=1))` and `prof.step()` in each step.

    ## When it is fine
    In programs that are there to profile, behind an option, and around a few steps.

    ## Source
    PyTorch documentation of `torch.profiler` ("schedule"), and the performance tuning guide,
    "Disable debugging APIs".
    """

    code = "PFL702"
    preview = True
    tokens = ("profile(", "emit_nvtx(", "emit_itt(")
    hot_only = False
    since = (1, 8)

    VALID = (
        """
        import torch
        with torch.profiler.profile(schedule=torch.profiler.schedule(wait=1, active=2)) as prof:
            for x in loader:
                model(x).mean().backward()
                optimizer.step()
                prof.step()
        """,
        """
        import torch
        with torch.autograd.profiler.emit_nvtx(enabled=args.profile):
            for x in loader:
                model(x).mean().backward()
                optimizer.step()
        """,
        """
        import torch
        with torch.profiler.profile() as prof:
            model(x)
        if args.trace:
            with torch.profiler.profile() as prof:
                for x in loader:
                    model(x).mean().backward()
                    optimizer.step()
        """,
        """
        import torch
        with torch.profiler.profile() as prof:
            for step, x in enumerate(loader):
                model(x).mean().backward()
                optimizer.step()
                if step == 10:
                    break
        """,
    )
    INVALID = (
        """
        import torch
        with torch.profiler.profile(record_shapes=True) as prof:  # <-
            for x in loader:
                model(x).mean().backward()
                optimizer.step()
        """,
        """
        from torch.autograd import profiler
        import torch
        for x in loader:
            with profiler.emit_nvtx():  # <-
                model(x).mean().backward()
                optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that make a profiler."""
        return (call for call in facts.syntax.calls if facts.names.of(call.func) in _PROFILERS)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a profiler that is entered around a step loop, or in one."""
        call = self.facts.call(node)
        if call is None or self.facts.name(node.func) not in _PROFILERS:
            return
        if call.args or any(k.arg in ("schedule", "enabled", None) for k in call.keywords):
            return
        if self.facts.is_test_code or _FOR_PROFILING.search(self.facts.path):
            return
        if self._spans_all_steps(call) and always_runs(self.facts.syntax, call):
            self.report(node, "every training step is profiled")

    def _spans_all_steps(self, call: ast.Call) -> bool:
        syntax, regions = self.facts.syntax, self.facts.regions
        item = syntax.parent(call)
        block = syntax.parent(item) if isinstance(item, ast.withitem) else None
        if not isinstance(block, ast.With):
            return False
        if regions.hot(block) is not None:
            return True
        inside = [node for s in block.body for node in ast.walk(s) if isinstance(node, Loop)]
        return any(regions.is_step_loop(loop) and not _is_short(loop) for loop in inside)


def _is_short(loop: Loop) -> bool:
    """Whether a loop ends after a few turns."""
    if isinstance(loop, ast.For) and "range" in ast.unparse(loop.iter):
        return True
    inside = [node for statement in loop.body for node in ast.walk(statement)]
    return any(isinstance(node, ast.Break) for node in inside)
