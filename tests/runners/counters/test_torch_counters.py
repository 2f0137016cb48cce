"""What one step does is counted exactly, and each wait is put down to its line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.runners.config import COUNTERS
from torch_perflint.runners.sample import Counts

torch: Any = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    # With a GPU, tensors on the CPU are none that the host waits for.
    pytest.mark.skipif(torch.cuda.is_available(), reason="counts of tensors on the CPU"),
]

HERE = Path(__file__)


def count(step: Callable[[], object], root: Path = HERE.parent) -> Counts:
    from torch_perflint.runners.counters.torch_counters import count_steps

    return count_steps(step, root)


def line_of(text: str) -> int:
    """The line of this file that ends with `# <- text`."""
    (line,) = [
        number
        for number, row in enumerate(HERE.read_text().splitlines(), 1)
        if row.endswith(f"# <- {text}")
    ]
    return line


def test_every_operator_counts_those_of_backward_included() -> None:
    x = torch.ones(3)
    weight = torch.ones(3, requires_grad=True)
    assert count(lambda: x + x).values["operators"] == 1
    assert count(lambda: [x + x for _ in range(5)]).values["operators"] == 5
    forward = count(lambda: (weight * x).sum()).values["operators"]
    both = count(lambda: (weight * x).sum().backward()).values["operators"]
    assert both > forward + 1


def test_the_count_is_the_same_each_time() -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    x = torch.ones(2, 3, 8, 8)

    def step() -> None:
        model(x).sum().backward()

    step()
    assert count(step) == count(step)
    assert count(step).unstable == {}


def test_each_read_of_a_tensor_is_a_wait_at_its_line() -> None:
    x, mask = torch.arange(4.0), torch.tensor([True, False, True, False])

    def step() -> None:
        x.sum().item()  # <- item
        if x[0] > 1:  # <- bool
            pass
        float(x[1]), int(x[2])  # <- numbers
        x.nonzero()  # <- nonzero
        x[mask]  # <- mask
        torch.unique(x)  # <- unique

    found = count(step)
    lines = {
        name: line_of(name) for name in ("item", "bool", "numbers", "nonzero", "mask", "unique")
    }
    assert {(site.path, site.line): site.count for site in found.syncs} == {
        (HERE.name, lines["item"]): 1,
        (HERE.name, lines["bool"]): 1,
        (HERE.name, lines["numbers"]): 2,
        (HERE.name, lines["nonzero"]): 1,
        (HERE.name, lines["mask"]): 1,
        (HERE.name, lines["unique"]): 1,
    }
    assert found.values["host_syncs"] == 7
    operators = {site.line: site.operator for site in found.syncs}
    assert operators[lines["item"]] == "aten::_local_scalar_dense"
    assert operators[lines["mask"]] == "aten::index"


@pytest.mark.parametrize(
    ("step", "waits"),
    [
        (lambda x, m: x[m].sum(), 1),
        (lambda x, m: x.masked_fill(m, 0.0), 0),
        (lambda x, m: x[torch.tensor([0, 1])], 0),
        (lambda x, m: x[1:], 0),
        (lambda x, m: x.clone().__setitem__(m, 0.0), 0),
        (lambda x, m: x.clone().__setitem__(m, torch.ones(2)), 1),
        (lambda x, m: torch.masked_select(x, m), 1),
        (lambda x, m: torch.where(m, x, 0.0), 0),
        (lambda x, m: torch.where(m), 1),
        (lambda x, m: torch.equal(x, x), 1),
        (lambda x, m: torch.allclose(x, x), 1),
        (lambda x, m: x.repeat_interleave(torch.tensor([1, 0, 1, 2])), 1),
        (lambda x, m: x.repeat_interleave(torch.tensor([1, 0, 1, 2]), output_size=4), 0),
        (lambda x, m: x.repeat_interleave(2), 0),
        (lambda x, m: torch.bincount(x.long()), 1),
        (lambda x, m: x.max(), 0),
        (lambda x, m: x.to(torch.float64), 0),
        (lambda x, m: torch.topk(x, 2), 0),
    ],
)
def test_only_what_needs_a_value_or_a_size_from_the_device_waits(
    step: Callable[[Any, Any], object], waits: int
) -> None:
    x, mask = torch.arange(4.0), torch.tensor([True, False, True, False])
    assert count(lambda: step(x, mask)).values["host_syncs"] == waits


def test_a_wait_in_a_library_belongs_to_the_line_that_called_it(tmp_path: Path) -> None:
    x = torch.ones(3)
    optimizer = torch.nn.utils

    def step() -> None:
        optimizer.clip_grad_norm_([weight], 1.0, error_if_nonfinite=True)  # <- clip

    weight = torch.nn.Parameter(x)
    weight.grad = torch.ones(3)
    (site,) = count(step).syncs
    assert site.line == line_of("clip")
    assert count(step, tmp_path).syncs == ()
    assert count(step, tmp_path).values["host_syncs"] == 1


@pytest.mark.parametrize("options", [{}, {"foreach": True}, {"fused": True}, {"amsgrad": True}])
def test_the_optimizers_own_step_counters_are_no_waits(options: dict[str, bool]) -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([weight], **options)
    losses: list[float] = []

    def step() -> None:
        weight.sum().backward()
        optimizer.step()

    def closure() -> Any:
        loss = weight.sum()
        loss.backward()
        losses.append(loss.item())
        return loss

    step()
    assert count(step).values["host_syncs"] == 0
    # What the repository's own code reads inside the optimizer's call is one.
    assert count(lambda: optimizer.step(closure)).values["host_syncs"] == 1


class Numbers(torch.utils.data.Dataset):  # type: ignore[misc]
    """A data set that reads values of its own."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        value = torch.tensor(float(index))
        return value if value.item() > 1 else -value


def test_data_loading_is_no_wait_whoever_wrote_the_data_set() -> None:
    loader = torch.utils.data.DataLoader(Numbers(), batch_size=2, shuffle=True)
    assert count(lambda: list(loader)).values["host_syncs"] == 0
    assert count(lambda: [batch.sum().item() for batch in loader]).values["host_syncs"] == 2
    assert count(lambda: Numbers()[1]).values["host_syncs"] == 1


def test_a_counter_that_differs_between_two_steps_is_named_and_has_no_value() -> None:
    calls: list[int] = []
    x = torch.ones(3)

    def step() -> None:
        x.sum().item()
        calls.append(1)
        for _ in calls:
            x.add(1)

    found = count(step)
    least, most = found.unstable["operators"]
    assert least < most
    assert found.values["host_syncs"] == 1
    assert len(found.syncs) == 1
    assert found.period == 1


def test_a_line_whose_waits_differ_without_a_rhythm_is_left_out() -> None:
    calls: list[int] = []
    x = torch.ones(3)

    def step() -> None:
        calls.append(1)
        x[0].item()
        for _ in range(len(calls)):
            x[0].item()

    found = count(step)
    assert list(found.unstable)[:2] == ["operators", "host_syncs"]
    assert not set(found.values) & set(found.unstable)
    assert set(found.values) | set(found.unstable) <= set(COUNTERS)
    assert [site.count for site in found.syncs] == [1]


def accumulating(every: int, extra: Callable[[], object] = lambda: None) -> Callable[[], None]:
    """A training step whose optimizer steps only every so many times."""
    model = torch.nn.Linear(4, 4)
    optimizer = torch.optim.Adam(model.parameters())
    x, done = torch.ones(2, 4), [0]

    def step() -> None:
        model(x).sum().backward()
        done[0] += 1
        if done[0] % every == 0:
            optimizer.step()
            optimizer.zero_grad()
            extra()

    return step


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "every", [2, 4, 8, pytest.param(10, marks=SLOW), pytest.param(16, marks=SLOW)]
)
def test_what_only_the_optimizer_s_step_does_is_seen(every: int) -> None:
    x = torch.ones(3, 3)

    def more() -> None:
        (x @ x).sum().item()  # <- every

    base, head = count(accumulating(every)), count(accumulating(every, more))
    assert base.period == head.period == every
    assert not base.unstable.keys() - {"peak_bytes", "allocated_bytes"}
    assert (base.values["host_syncs"], base.steps.get("host_syncs")) == (0, None)
    assert (head.values["host_syncs"], head.steps["host_syncs"]) == (1, every)
    (site,) = head.syncs
    assert (site.line, site.count, site.steps) == (line_of("every"), 1, every)
    # The same each step on base, so that 54 operations more in one of `every` are clear.
    assert "flops" not in base.steps
    assert head.values["flops"] == every * base.values["flops"] + 54
    assert head.values["python_calls"] > 0
    # The state that Adam makes in its first step is no part of the rhythm.
    assert head.values["operators"] > base.values["operators"]
    assert head.steps["operators"] == every


def test_steps_that_are_all_alike_are_counted_sixteen_times() -> None:
    ran: list[int] = []
    found = count(lambda: ran.append(1))
    assert (found.counted, found.period, found.steps) == (16, 1, {})
    # Two each for calls and what is saved, three for memory.
    assert len(ran) == 16 + 2 + 2 + 3


def test_what_happens_at_no_fixed_times_is_unstable() -> None:
    x, at = torch.ones(3), [0]
    times = {5, 9, 11, 18, 30, 31, 40, 44, 52, 61}

    def step() -> None:
        at[0] += 1
        if at[0] in times:
            x.sum().item()

    found = count(step)
    assert found.unstable["host_syncs"] == (0, 1)
    assert found.syncs == ()


def test_counting_ends_when_its_time_is_up_but_operators_are_counted() -> None:
    from torch_perflint.runners.counters.torch_counters import count_steps
    from torch_perflint.runners.limit import TimeLimit

    x = torch.ones(3)
    found = count_steps(lambda: x.sum().item(), HERE.parent, limit=TimeLimit(0.0))
    assert found.counted == 2
    assert found.values["host_syncs"] == 1
    assert set(found.late) == {
        "allocated_bytes",
        "peak_bytes",
        "python_calls",
        "saved_for_backward_bytes",
    }
    assert not set(found.late) & set(found.values)
