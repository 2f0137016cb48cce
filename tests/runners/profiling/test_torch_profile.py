"""The profile names the line that does the work."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.runners.profiling.attribution import merge
from torch_perflint.runners.profiling.profile import ProfileSummary

torch: Any = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

CODE = """\
import torch

small = torch.randn(8, 8)
x = torch.randn(256, 256)
weight = torch.randn(256, 256, requires_grad=True)


def helper(a):
    return a @ a


def step():
    y = small + small
    for _ in range(6):
        helper(x)
    return y


def mixed():
    return helper(small).sum() + x @ x


def train():
    batch = x * 2
    hidden = batch @ weight
    hidden = hidden @ weight
    loss = hidden.relu().mean()
    accuracy = (hidden > 0).float().mean()
    weight.grad = None
    loss.backward()
    return accuracy
"""


@pytest.fixture
def code(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The functions of a module that lies in a worktree."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    names: dict[str, Any] = {"root": tmp_path}
    exec(compile(CODE, str(tmp_path / "net.py"), "exec"), names)
    for name in ("step", "mixed", "train"):
        for _ in range(3):
            names[name]()
    yield names
    torch.set_num_threads(threads)


def profiled(code: dict[str, Any], name: str, steps: int = 5) -> ProfileSummary:
    from torch_perflint.runners.profiling.torch_profile import profile_steps

    return merge(profile_steps(code[name], steps, code["root"]))


def by_text(summary: ProfileSummary) -> dict[str, float]:
    rows = CODE.splitlines()
    assert {line.path for line in summary.lines} == {"net.py"}
    return {rows[line.line - 1].strip(): line.operators for line in summary.lines}


def test_the_line_that_does_the_work_is_named_with_its_operator(code: dict[str, Any]) -> None:
    summary = profiled(code, "step")
    assert summary.steps == 5
    operators = {operator.name: operator for operator in summary.operators}
    assert operators["aten::mm"].calls == 6
    assert operators["aten::add"].calls == 1
    assert not any("perflint" in name for name in operators)
    lines = by_text(summary)
    assert max(lines, key=lines.__getitem__) == "return a @ a"
    assert lines["return a @ a"] > 0.9 * sum(lines.values())
    assert lines["y = small + small"] > 0
    total = sum(operator.milliseconds for operator in summary.operators)
    assert sum(lines.values()) == pytest.approx(total, rel=0.05)


def test_what_a_line_does_after_a_call_returned_is_its_own(code: dict[str, Any]) -> None:
    lines = by_text(profiled(code, "mixed"))
    assert max(lines, key=lines.__getitem__) == "return helper(small).sum() + x @ x"
    assert lines["return a @ a"] > 0


def test_backward_is_put_down_to_the_forward_line(code: dict[str, Any]) -> None:
    lines = by_text(profiled(code, "train"))
    first, second = lines["hidden = batch @ weight"], lines["hidden = hidden @ weight"]
    # Of the five products three belong to backward; left there, they would be more than half.
    assert first + second > 0.7 * sum(lines.values())
    # These only share the autograd number of what comes next.
    assert lines["batch = x * 2"] < 0.3 * first
    assert lines["accuracy = (hidden > 0).float().mean()"] < 0.3 * first
    assert lines["loss.backward()"] < 0.3 * first


def test_code_outside_the_worktree_has_operators_but_no_lines(
    code: dict[str, Any], tmp_path: Path
) -> None:
    summary = profiled({**code, "root": tmp_path / "elsewhere"}, "step")
    assert summary.lines == ()
    assert {operator.name for operator in summary.operators} >= {"aten::mm", "aten::add"}


def test_a_tracer_that_was_set_before_comes_back_even_after_an_error(
    code: dict[str, Any],
) -> None:
    def tracer(frame: Any, event: str, arg: Any) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        profiled(code, "step", 1)
        after = sys.gettrace()
        with pytest.raises(ZeroDivisionError):
            profiled({**code, "broken": lambda: 1 / 0}, "broken", 1)
        after_error = sys.gettrace()
    finally:
        sys.settrace(before)
    assert after is tracer
    assert after_error is tracer


def test_an_error_that_the_step_catches_leaves_the_lines_right(code: dict[str, Any]) -> None:
    source = """
def fails():
    raise ValueError

def step():
    try:
        fails()
    except ValueError:
        pass
    [y @ y for y in (x, x, x)]
"""
    file = code["root"] / "net.py"
    exec(compile(source, str(file), "exec"), code)
    lines = {line.line: line.milliseconds for line in profiled(code, "step").lines}
    assert max(lines, key=lines.__getitem__) == 10


def test_self_times_are_those_that_the_profiler_itself_adds_up(code: dict[str, Any]) -> None:
    from torch.profiler import ProfilerActivity, profile
    from torch_perflint.runners.profiling.attribution import of_recording
    from torch_perflint.runners.profiling.line_marks import LineMarker
    from torch_perflint.runners.profiling.torch_profile import in_this_thread, read_recording

    marker = LineMarker(code["root"])
    helper = threading.Thread(target=code["mixed"])
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        start = time.time_ns()
        with in_this_thread(), marker.watching():
            code["train"]()
            helper.start()
            code["step"]()
        helper.join()
        span = (start, time.time_ns())
    [own] = of_recording(read_recording(recorded, marker, [span]))
    theirs = {row.key: row.self_cpu_time_total * 1e3 for row in recorded.key_averages()}
    assert set(theirs) == {*own.times, "perflint"}
    assert {*own.times} >= {"aten::mm", "MmBackward0", "aten::add"}
    for name, nanoseconds in own.times.items():
        assert nanoseconds == pytest.approx(theirs[name], abs=1)
