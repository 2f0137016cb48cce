"""Peak memory is the same each time and grows by what a step holds more."""

import gc
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(torch.cuda.is_available(), reason="the account kept on a CPU"),
]


def peak(step: Callable[[], object]) -> int:
    from torch_perflint.runners.counters.torch_memory import count_memory

    first, second = count_memory(step)
    assert first == second
    return first["peak_bytes"]


@pytest.fixture
def train() -> Iterator[Callable[[int], Callable[[], None]]]:
    """Make a training step that holds so many floats more for as long as it runs."""

    def make(extra: int) -> Callable[[], None]:
        torch.manual_seed(0)
        model = torch.nn.Sequential(
            torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 8)
        )
        optimizer = torch.optim.AdamW(model.parameters())
        x = torch.randn(32, 64)

        def step() -> None:
            kept = torch.empty(extra) if extra else None
            loss = model(x).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            del kept

        for _ in range(3):
            step()
        return step

    yield make
    gc.collect()


def test_the_peak_is_the_same_each_time(train: Callable[[int], Callable[[], None]]) -> None:
    step = train(0)
    first = peak(step)
    assert peak(step) == first
    del step
    # Not inside `assert`, which keeps the model alive for its message.
    again = peak(train(0))
    assert again == first


@pytest.mark.parametrize("extra", [1000, 1_000_000])
def test_the_peak_grows_by_a_tensor_that_is_held_longer(
    train: Callable[[int], Callable[[], None]], extra: int
) -> None:
    plain = peak(train(0))
    larger = peak(train(extra))
    assert larger - plain == 4 * extra


def test_what_is_released_before_the_peak_does_not_add_to_it() -> None:
    def one_at_a_time() -> None:
        for _ in range(3):
            torch.empty(1000)

    def together() -> Any:
        return [torch.empty(1000) for _ in range(3)]

    assert peak(together) - peak(one_at_a_time) == 8000


def test_what_is_held_before_the_step_counts_once_for_each_storage() -> None:
    before = peak(lambda: None)
    kept = torch.ones(1000)
    views = [kept[1:], kept.view(10, 100), kept.numpy(), torch.from_numpy(kept.numpy())]
    assert peak(lambda: None) - before == 4000
    del kept, views
    assert peak(lambda: None) == before


def _fake() -> Any:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        return torch.empty(10**9)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.sparse_coo_tensor([[0], [1]], [1.0], (3, 3)),
        lambda: torch.eye(3).to_sparse_csr(),
        lambda: torch.eye(3).to_mkldnn(),
        lambda: torch.empty(10**9, device="meta"),
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
        lambda: torch.nn.LazyLinear(3),
        _fake,
    ],
    ids=["sparse", "csr", "mkldnn", "meta", "jagged", "lazy", "fake"],
)
def test_a_tensor_without_memory_of_its_own_disturbs_nothing(make: Callable[[], Any]) -> None:
    before = peak(lambda: None)
    kept = make()
    assert 0 <= peak(lambda: None) - before < 200
    del kept


@pytest.mark.slow
def test_what_each_step_leaves_behind_is_told_beside_tensors_made_of_others() -> None:
    from torch.testing._internal.two_tensor import TwoTensor
    from torch_perflint.runners.counters.torch_state import left_behind

    made_of_two = TwoTensor(torch.ones(3), torch.ones(3))
    kept: list[Any] = []
    assert left_behind(lambda: None) == (0, 0)
    assert left_behind(lambda: kept.append(torch.ones(250))) == (1000, 0)
    assert made_of_two is not None
    # A full buffer lets one go for each that it takes.
    for length in (4, 13):
        buffer = deque((torch.ones(250) for _ in range(60)), maxlen=length)
        assert left_behind(lambda buffer=buffer: buffer.append(torch.ones(250))) == (0, 0)


def test_what_a_step_leaves_in_reference_cycles_is_told_from_a_leak() -> None:
    from torch_perflint.runners.counters.torch_state import left_behind

    def step() -> None:
        ring: list[object] = [torch.ones(250)]
        ring.append(ring)

    assert left_behind(step) == (0, 1000)
    assert gc.isenabled()


def test_gradients_that_no_python_has_looked_at_are_held_as_well() -> None:
    from torch_perflint.runners.counters.torch_memory import held_bytes

    model = torch.nn.Linear(1000, 1000, bias=False)
    gc.collect()
    before = held_bytes()
    model(torch.ones(1, 1000)).sum().backward()
    assert held_bytes() - before == 1000 * 1000 * 4
