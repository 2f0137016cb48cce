"""What an optimizer's closure computes has its own parts, and only the rest is the optimizer's."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.runners.profiling.attribution import merge
from torch_perflint.runners.profiling.profile import ProfileSummary

torch: Any = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
# Seconds that the optimizer, the closure's Python, and its data wait.
UPDATE, PYTHON, DATA = 0.02, 0.01, 0.015
SIZE = 32


class Late(torch.optim.SGD):
    """It thinks for a while before it asks the closure."""

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        time.sleep(UPDATE)
        return super().step(closure)


class Slow(torch.utils.data.IterableDataset):
    def __iter__(self) -> Iterator[Any]:
        while True:
            time.sleep(DATA)
            yield torch.ones(4, SIZE)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def profiled(step: Callable[[], object]) -> ProfileSummary:
    from torch_perflint.runners.profiling.torch_profile import profile_steps

    return merge(profile_steps(step, 3, Path(__file__).parent))


def parts(summary: ProfileSummary) -> dict[str, float]:
    """Seconds of each part; all add up to the step."""
    found = {part.part: part.milliseconds / 1e3 for part in summary.parts}
    assert sum(found.values()) == pytest.approx(summary.step_ms / 1e3)
    return found


def training(
    make: Callable[[Any], Any], called: Callable[[Any, Callable[[], Any]], object]
) -> Callable[[], object]:
    layer = torch.nn.Linear(SIZE, SIZE)
    optimizer = make(layer.parameters())
    batches = iter(torch.utils.data.DataLoader(Slow(), batch_size=None))

    def closure() -> Any:
        optimizer.zero_grad()
        time.sleep(PYTHON)
        loss = layer(next(batches)).square().mean()
        loss.backward()
        return loss

    return lambda: called(optimizer, closure)


@pytest.mark.parametrize(
    "called",
    [
        lambda optimizer, closure: optimizer.step(closure),
        lambda optimizer, closure: optimizer.step(closure=closure),
    ],
    ids=["positional", "keyword"],
)
def test_waits_inside_the_closure_and_outside_of_it_are_told_apart(called: Any) -> None:
    found = parts(profiled(training(lambda weights: Late(weights, lr=0.1), called)))
    # Each moment is in one part alone.
    assert found["optimizer"] >= UPDATE
    assert found["data loading"] >= DATA
    assert found["Python and launching"] >= PYTHON
    assert found["compute"] > 0


def test_a_closure_that_is_called_several_times_counts_each_time() -> None:
    calls = 3

    def make(weights: Any) -> Any:
        return torch.optim.LBFGS(
            weights, lr=1e-3, max_iter=calls, tolerance_grad=0, tolerance_change=0
        )

    found = parts(profiled(training(make, lambda optimizer, closure: optimizer.step(closure))))
    assert found["Python and launching"] >= calls * PYTHON
    assert found["data loading"] >= calls * DATA
    assert found["optimizer"] > 0


def test_without_a_closure_all_of_a_step_is_the_optimizer_s() -> None:
    weight = torch.ones(SIZE, requires_grad=True)
    optimizer = Late([weight], lr=0.1)
    found = parts(profiled(optimizer.step))
    assert found["optimizer"] >= UPDATE


def test_the_closure_is_the_user_s_own_where_nothing_is_recorded() -> None:
    seen: list[Any] = []

    class Curious(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            seen.append(closure)
            return closure()

    optimizer = Curious([torch.ones(1, requires_grad=True)], lr=0.1)

    def closure() -> str:
        return "loss"

    profiled(lambda: optimizer.step(closure))
    # What it returns and how it is called stay as they are.
    assert all(one() == "loss" and one.__name__ == "closure" for one in seen)
    assert closure not in seen
    assert optimizer.step(closure) == "loss"
    assert seen[-1] is closure


def test_steps_of_a_script_end_where_the_optimizer_s_steps_end(tmp_path: Path) -> None:
    from torch.optim.optimizer import register_optimizer_step_post_hook
    from torch_perflint.runners.profiling.captured import Captured, Plan
    from torch_perflint.runners.profiling.torch_capture import ScriptCapture

    found: list[Captured] = []
    capture = ScriptCapture(Plan("train.py", tmp_path, tmp_path, 3, 1), found.append)
    hook = register_optimizer_step_post_hook(lambda *_: capture.boundary())
    step = training(
        lambda weights: torch.optim.LBFGS(weights, lr=1e-3, max_iter=2, tolerance_grad=0),
        lambda optimizer, closure: optimizer.step(closure),
    )
    try:
        for _ in range(10):
            step()
    finally:
        hook.remove()
    [told] = found
    assert told.summary.steps == 3
    assert told.recorded_ms / 1e3 >= 2 * (PYTHON + DATA)
    times = {part.part: part.milliseconds for part in told.summary.parts}
    assert times["data loading"] > times["Python and launching"] > times["optimizer"] > 0


def test_a_compiled_step_is_compiled_anew_at_most_once() -> None:
    from torch._dynamo.utils import counters

    torch._dynamo.reset()
    counters.clear()
    weight = torch.ones(SIZE, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    step = torch.compile(optimizer.step, backend="eager")

    def train() -> None:
        weight.sum().backward()
        step()

    train()
    told = []
    for _ in range(3):
        profiled(train)
        train()
        told.append((dict(counters["frames"]), dict(counters["stats"])))
    torch._dynamo.reset()
    assert told[0] == told[1] == told[2]
