"""Each counter rises by a number worked out by hand, and no counter moves where nothing changed."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.runners.config import COUNTERS

torch: Any = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    # With a GPU, tensors on the CPU are none that the host waits for.
    pytest.mark.skipif(torch.cuda.is_available(), reason="counts of tensors on the CPU"),
]

ROOT = Path(__file__).parent
Step = Callable[[], object]


def count(step: Step) -> dict[str, int]:
    from torch_perflint.runners.counters.torch_counters import count_steps

    step()
    found = count_steps(step, ROOT)
    assert not found.unstable
    return dict(found.values)


def grown(base: Step, head: Step) -> dict[str, int]:
    """Every counter that differs, and by how much."""
    before, after = count(base), count(head)
    assert before.keys() == after.keys()
    return {name: after[name] - before[name] for name in before if after[name] != before[name]}


X, Y, INDEX = torch.ones(4), torch.ones(4), torch.ones(1, dtype=torch.int64)
A, B, C = torch.ones(2, 3), torch.ones(3, 5), torch.empty(2, 5)
WEIGHT = torch.ones(3, requires_grad=True)


ALLOCATED = {"operators": 1, "allocated_bytes": 2000, "python_calls": 1}
NONE_SAVED = {"operators": 1, "saved_for_backward_bytes": 0}


def helper() -> None:
    """A function of the repository."""


def one_after_the_other() -> None:
    torch.empty(1000)
    torch.empty(1000)


def both_at_once() -> None:
    first = torch.empty(1000)
    torch.empty(1000)
    del first


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        (lambda: None, lambda: X.relu_(), {"operators": 1}),
        (lambda: None, lambda: INDEX.item(), {"operators": 1, "host_syncs": 1}),
        # Four floats.
        (lambda: None, lambda: X.copy_(Y), {"operators": 1, "copies": 1, "copy_bytes": 16}),
        (
            lambda: None,
            lambda: torch._foreach_copy_([X, X], [Y, Y]),
            {"operators": 1, "copies": 2, "copy_bytes": 32},
        ),
        (
            lambda: X.relu_(),
            lambda: X.clone().relu_(),
            {
                "operators": 1,
                "copies": 1,
                "copy_bytes": 16,
                "allocated_bytes": 16,
                "peak_bytes": 16,
            },
        ),
        # 2 x 3 times 3 x 5: a multiplication and an addition for each of 30 products.
        (lambda: None, lambda: torch.mm(A, B, out=C), {"operators": 1, "flops": 60}),
        # What is held together before is more, so the peak stays.
        (both_at_once, lambda: (both_at_once(), torch.empty(500))[0], ALLOCATED),
        (one_after_the_other, both_at_once, {"peak_bytes": 4000}),
        # `abs` keeps its input of three floats for backward, `neg` keeps nothing.
        (lambda: WEIGHT.neg(), lambda: WEIGHT.abs(), {"saved_for_backward_bytes": 12}),
        # A view has a node, and one view forward and one backward.
        (
            lambda: torch.autograd.grad(WEIGHT.sum(), WEIGHT),
            lambda: torch.autograd.grad(WEIGHT.view(3).sum(), WEIGHT),
            {"operators": 2, "autograd_nodes": 1},
        ),
        (lambda: None, lambda: helper(), {"python_calls": 1}),
        (lambda: None, lambda: [helper() for _ in range(7)], {"python_calls": 7}),
    ],
    ids=[
        "operator",
        "host sync",
        "copy",
        "copies of a list",
        "clone",
        "flops",
        "allocated",
        "peak",
        "saved",
        "node",
        "call",
        "calls",
    ],
)  # fmt: skip
def test_what_is_added_is_counted_and_nothing_else(
    base: Step, head: Step, expected: dict[str, int]
) -> None:
    assert grown(base, head) == expected


def train(**options: Any) -> tuple[Any, Step]:
    """A small training step; returns the model as well."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))
    optimizer = torch.optim.AdamW(model.parameters(), **options)
    x, y = torch.randn(4, 8), torch.randint(2, (4,))

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return model, step


def test_the_same_step_counts_the_same_in_another_model() -> None:
    first = count(train()[1])
    assert count(train()[1]) == first


def test_the_counts_of_a_training_step_are_those_worked_out_by_hand() -> None:
    values = count(train()[1])
    # Forward 2*4*8*16 + 2*4*16*2; the same again for the gradients of the weights, and that of the
    # second layer's input.
    assert values["flops"] == 2 * (1024 + 256) + 256
    # Two Linears (addmm and the transposed weight), ReLU, log_softmax, nll_loss, four leaves.
    assert values["autograd_nodes"] == 2 * 2 + 1 + 2 + 4
    assert (values["host_syncs"], values["copies"], values["collectives"]) == (0, 0, 0)
    assert set(values) == set(COUNTERS) - {"h2d_copy_bytes", "d2h_copy_bytes", "kernel_launches"}


def test_an_optimizer_that_loops_over_parameters_runs_more_operators() -> None:
    for_loop, foreach = count(train(foreach=False)[1]), count(train(foreach=True)[1])
    fused = count(train(fused=True)[1])
    assert for_loop["operators"] > foreach["operators"] > fused["operators"]


def test_counting_changes_nothing_of_what_is_trained() -> None:
    (counted, step), (plain, plain_step) = train(), train()
    runs = []
    count(lambda: (runs.append(1), step()))
    for _ in runs:
        plain_step()
    for ours, theirs in zip(counted.parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.fixture
def group() -> Iterator[None]:
    """A process group of one."""
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_collectives_and_their_bytes_are_counted_also_those_of_ddp(group: None) -> None:
    both = [torch.empty(2), torch.empty(2)]
    model = torch.nn.Linear(3, 2)
    parallel = torch.nn.parallel.DistributedDataParallel(copy.deepcopy(model))
    x = torch.ones(1, 3)

    def collectives(step: Step) -> tuple[int, int]:
        step(), step()  # DDP arranges its buckets anew in the second step
        values = count(step)
        return values["collectives"], values["collective_bytes"]

    assert collectives(lambda: model(x).sum().backward()) == (0, 0)
    assert collectives(lambda: torch.distributed.all_reduce(X)) == (1, 16)
    assert collectives(lambda: torch.distributed.all_gather(both[:1], both[1])) == (1, 8)
    # One bucket of 3 * 2 + 2 gradients.
    assert collectives(lambda: parallel(x).sum().backward()) == (1, 32)


def _own_mode() -> Step:
    from torch.utils._python_dispatch import TorchDispatchMode

    class Mode(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            return func(*args, **(kwargs or {}))

    def step() -> None:
        with Mode():
            WEIGHT.exp().sum()

    return step


def _own_hooks() -> None:
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach(), lambda t: t):
        WEIGHT.exp().sum()


def _autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        torch.nn.functional.linear(A, A)


def _inference() -> None:
    with torch.inference_mode():
        torch.nn.functional.linear(A, A)


def _checkpoint() -> None:
    torch.utils.checkpoint.checkpoint(torch.exp, WEIGHT, use_reentrant=False).sum().backward()


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (_own_mode(), {"host_syncs": 0, "saved_for_backward_bytes": 12}),
        (_own_hooks, {"host_syncs": 0, "saved_for_backward_bytes": 0}),
        # Two copies to bfloat16 of six numbers, no copy for the transposed view.
        (_autocast, {"copies": 2, "copy_bytes": 24, "flops": 24}),
        (_inference, {"operators": 2, "flops": 24}),
        (lambda: torch.no_grad()(torch.exp)(WEIGHT), NONE_SAVED),
        # `exp` runs again in backward.
        (_checkpoint, {"host_syncs": 0, "autograd_nodes": 3}),
    ],
    ids=["own mode", "own hooks", "autocast", "inference", "no grad", "checkpoint"],
)  # fmt: skip
def test_a_step_that_looks_at_itself_or_changes_modes_is_counted(
    step: Step, expected: dict[str, int]
) -> None:
    values = count(step)
    assert {name: values[name] for name in expected} == expected


def test_a_tensor_made_of_others_counts_what_is_done_with_those() -> None:
    from torch.testing._internal.two_tensor import TwoTensor

    pair = TwoTensor(torch.ones(3), torch.ones(3))
    assert count(lambda: pair.exp())["operators"] == 2


def test_a_count_that_cannot_be_worked_out_is_absent() -> None:
    sparse = torch.eye(3).to_sparse()
    values = count(lambda: sparse.clone())
    assert values["copies"] >= 1
    assert "copy_bytes" not in values
