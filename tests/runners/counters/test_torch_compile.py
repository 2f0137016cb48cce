"""What `torch.compile` has to do for a step is counted, and counting leaves the step as it was."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.runners.sample import Counts

torch: Any = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

ROOT = Path(__file__).parent


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    from torch_perflint.runners.counters import torch_compile

    torch_compile.forget()
    yield
    torch_compile.forget()


def examine(step: Callable[[], object]) -> Counts:
    from torch_perflint.runners.counters.torch_examine import examine

    return examine(step, ROOT).counts


def compiled(breaks: int, sizes: tuple[int, ...] = (4,), backend: str = "aot_eager") -> Any:
    """A step with so many graph breaks, on batches of these sizes in turn."""
    weight = torch.ones(8, requires_grad=True)

    def forward(x: Any) -> Any:
        y = x * weight
        for _ in range(breaks):
            torch._dynamo.graph_break()
            y = y.exp()
        return y.sum()

    run = torch.compile(forward, backend=backend)
    batches = [torch.zeros(size, 8) for size in sizes]

    def step() -> None:
        for x in batches:
            run(x).backward()

    return step


def test_graph_breaks_are_counted_each_of_them() -> None:
    from torch_perflint.runners.counters import torch_compile

    def straight(x: Any) -> Any:
        return (x * 2).exp().sum()

    def broken(x: Any) -> Any:
        y = x * 2
        torch._dynamo.graph_break()
        return y.exp().sum()

    def twice(x: Any) -> Any:
        y = x * 2
        torch._dynamo.graph_break()
        y = y.exp()
        torch._dynamo.graph_break()
        return y.sum()

    x = torch.ones(4)
    for function, breaks in ((straight, 0), (broken, 1), (twice, 2)):
        torch_compile.forget()
        run = torch.compile(function, backend="eager")
        found = examine(lambda run=run: run(x))
        assert (found.values["graph_breaks"], found.values["recompiles"]) == (breaks, 0)
        # A compiled step would be another one with hooks in it.
        assert "saved_for_backward_bytes" not in found.values


def test_another_size_is_a_recompilation() -> None:
    assert examine(compiled(0)).values["recompiles"] == 0
    from torch_perflint.runners.counters import torch_compile

    torch_compile.forget()
    found = examine(compiled(0, sizes=(4, 6)))
    assert found.values["recompiles"] == 1
    assert found.values["graph_breaks"] == 0


def test_what_was_compiled_in_set_up_counts_as_if_the_step_did_it() -> None:
    step = compiled(0)
    step()
    found = examine(step)
    assert found.values["recompiles"] == 0
    assert not found.unstable


def test_the_operators_are_those_of_the_program_as_it_is_written() -> None:
    from torch_perflint.runners.counters.torch_counters import count_steps
    from torch_perflint.runners.counters.torch_operators import count_operators

    weight, x = torch.ones(3, requires_grad=True), torch.ones(2, 3)

    def plain() -> None:
        (x @ weight).exp().sum().backward()

    run = torch.compile(lambda: (x @ weight).exp().sum(), backend="aot_eager")

    def step() -> None:
        run().backward()

    plain(), step()
    written = count_operators(plain, ROOT).counts
    found = count_steps(step, ROOT).values
    for name in ("operators", "flops", "autograd_nodes"):
        assert found[name] == written[name]


def test_compiling_takes_seconds_and_a_plain_step_none() -> None:
    from torch_perflint.runners.counters import torch_compile
    from torch_perflint.runners.counters.torch_examine import examine

    begin = time.perf_counter()
    seen = examine(compiled(1), ROOT)
    wall = time.perf_counter() - begin
    assert seen.compile_seconds is not None
    assert 0 < seen.compile_seconds < wall
    torch_compile.forget()
    assert examine(lambda: torch.ones(3).exp(), ROOT).compile_seconds is None


def test_backward_that_is_compiled_later_is_part_of_the_time() -> None:
    from torch_perflint.runners.counters import torch_compile

    weight = torch.ones(8, requires_grad=True)
    run = torch.compile(lambda: (weight * 2).exp().sum(), backend="aot_eager")
    loss = run()
    forward = torch_compile.compile_seconds()
    loss.backward()
    both = torch_compile.compile_seconds()
    assert forward is not None and both is not None
    assert 0 < forward < both


def test_a_function_that_is_left_to_python_as_a_whole_is_a_break() -> None:
    from torch_perflint.runners.counters import torch_compile

    def tried(x: Any) -> Any:
        try:
            torch._dynamo.graph_break()
            return x + 1
        finally:
            pass

    def fine(x: Any) -> Any:
        try:
            return x + 1
        finally:
            pass

    for function, breaks in ((tried, 1), (fine, 0)):
        torch_compile.forget()
        run = torch.compile(function, backend="eager")
        counted = torch_compile.first_steps(lambda run=run: run(torch.zeros(4)))  # type: ignore[misc]
        assert counted.counts["graph_breaks"] == breaks


@pytest.mark.slow
def test_code_of_the_default_compiler_is_counted_too() -> None:
    found = examine(compiled(1, backend="inductor"))
    assert found.values["host_syncs"] == 0
    assert found.values["graph_breaks"] >= 1
    assert not found.unstable


def lines_of(function: Callable[..., object], *texts: str) -> list[int]:
    """Where these texts stand in this file, in the function."""
    import inspect

    rows, first = inspect.getsourcelines(function)
    return [next(first + n for n, row in enumerate(rows) if text in row) for text in texts]


def branching(x: Any) -> Any:
    y = x * 2
    if y.sum() > 0:
        y = y + 1
    print("on the way")
    return y.exp()


def looping(x: Any) -> Any:
    for _ in range(3):
        x = x + x.sum().item()
    return x


def test_a_branch_on_a_tensor_is_a_break_as_well() -> None:
    from torch_perflint.runners.counters import torch_compile

    run = torch.compile(branching, backend="eager")
    found = examine(lambda: run(torch.ones(4)))
    assert found.values["graph_breaks"] == 2
    branch, call = lines_of(branching, "if y.sum()", 'print("on the way")')
    assert [(one.counter, one.path, one.line) for one in found.reasons] == [
        ("graph_breaks", "test_torch_compile.py", branch),
        ("graph_breaks", "test_torch_compile.py", call),
    ]
    assert found.reasons[0].words == "a branch on a tensor's value"
    assert "`print`" in found.reasons[1].words
    torch_compile.forget()
    whole = torch.compile(looping, backend="eager")
    left = examine(lambda: whole(torch.ones(4)))
    (line,) = lines_of(looping, ".item()")
    assert left.values["graph_breaks"] == 1
    assert [(one.line, one.count) for one in left.reasons] == [(line, 1)]
    assert "Tensor.item()" in left.reasons[0].words


def test_a_recompilation_says_which_guard_failed() -> None:
    def scaled(x: Any, by: float) -> Any:
        return (x * by).sum()

    run = torch.compile(scaled, backend="eager")

    def step() -> None:
        run(torch.ones(4), 1.5)
        run(torch.ones(4), 2.5)
        run(torch.ones(5), 2.5)

    found = examine(step)
    assert found.values["recompiles"] == sum(one.count for one in found.reasons) == 2
    first, body = lines_of(scaled, "def scaled", "return")
    assert {(one.line, one.words) for one in found.reasons} == {
        (body, "`by == 1.5` does not hold any more"),
        (first, "tensor 'x' size mismatch at index 0. expected 4, actual 5"),
    }


def test_a_step_that_resets_what_is_compiled_still_has_its_reasons() -> None:
    run = torch.compile(branching, backend="eager")

    def step() -> None:
        torch._dynamo.reset()
        run(torch.ones(4))

    found = examine(step)
    assert found.values["graph_breaks"] == sum(one.count for one in found.reasons) == 2 * 3
    assert [one.count for one in found.reasons] == [3, 3]


def test_recompilations_are_unknown_where_pytorch_may_have_forgotten_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from torch_perflint.runners.counters import torch_compile

    run = torch.compile(lambda x: x + 1, backend="eager")
    seen = iter([False, True, False, False])
    so_far = torch_compile._so_far

    def full_once() -> Any:
        found = so_far()
        if next(seen):
            # As where its list was full when nobody had asked for a longer one.
            del found.counts["recompiles"]
        return found

    monkeypatch.setattr(torch_compile, "_so_far", full_once)
    found = torch_compile.first_steps(lambda: run(torch.ones(4)))
    assert found.counts == {"graph_breaks": 0}
