"""What is alive at the peak of a step, on made-up changes and on a real step."""

from pathlib import Path
from typing import Any

import pytest
from torch_perflint.runners.profiling.memory import (
    OTHER,
    PARAMETERS,
    Allocation,
    Holder,
    Kept,
    Saved,
    at_peak,
    with_others,
)

A, B = ("net.py", 1), ("net.py", 2)


def test_the_peak_is_the_most_that_is_alive_at_once() -> None:
    changes = [
        Allocation(1, 100, A, "Net"),
        Allocation(2, 50, B, "Net.head"),
        2,
        Allocation(3, 70, B, "Net.head"),
        Allocation(4, 5, A, "Net"),
        1,
        Allocation(5, 60),
    ]
    assert at_peak(changes) == (
        175,
        (Holder("net.py:1", "Net", 105), Holder("net.py:2", "Net.head", 70)),
    )


def test_a_block_that_was_there_before_is_released_without_a_trace() -> None:
    assert at_peak([9, Allocation(1, 10), 9, 1]) == (10, (Holder("", "", 10),))
    assert at_peak([]) == (0, ())


def test_what_is_given_back_first_makes_room() -> None:
    changes = [9, Allocation(1, 10, A), 8, Allocation(2, 30, B)]
    holders = (Holder("net.py:2", "", 30), Holder("net.py:1", "", 10))
    assert at_peak(changes, {9: 15, 8: 4}) == (10 - 15 + 30 - 4, holders)
    # Nothing that comes later needs as much as was there at the beginning.
    assert at_peak([9, Allocation(1, 10, A)], {9: 15}) == (0, ())


CODE = """\
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = torch.nn.Linear(16, 4096, bias=False)
        self.back = torch.nn.Linear(4096, 1, bias=False)

    def forward(self, x):
        y = self.wide(x)
        y = y.sigmoid()
        return self.back(y)

net = Net()
for p in net.parameters():
    p.grad = torch.zeros_like(p)
x = torch.ones(8, 16)

def step():
    net(x).sum().backward()

def again():
    net.zero_grad()
    net(x).sum().backward()

def brief():
    z = torch.zeros(1 << 20, dtype=torch.uint8)
    del z
    return torch.zeros(1 << 10, dtype=torch.uint8)
"""


@pytest.fixture
def code(tmp_path: Path) -> dict[str, Any]:
    pytest.importorskip("torch")
    names: dict[str, Any] = {"root": tmp_path}
    exec(compile(CODE, str(tmp_path / "net.py"), "exec"), names)
    names["step"]()
    return names


@pytest.mark.torch
def test_what_outlives_a_step_and_belongs_to_no_module_is_told(code: dict[str, Any]) -> None:
    import torch
    from torch_perflint.runners.profiling.torch_held import step_memory

    def others() -> int:
        found = step_memory(code["step"], code["root"])
        assert sum(one.size for one in found.kept) == found.before
        return sum(one.size for one in found.kept if (one.module, one.kind) == ("", OTHER))

    before = others()
    cache = [torch.zeros(1 << 18, dtype=torch.uint8) for _ in range(4)]
    assert others() - before == 1 << 20
    cache.clear()


def test_what_modules_keep_leaves_no_rest() -> None:
    kept = (Kept("Net", PARAMETERS, 30),)
    assert with_others(kept, 40) == (*kept, Kept("", OTHER, 10))
    assert with_others(kept, 30) == kept


@pytest.mark.torch
def test_lines_and_modules_are_named_with_what_they_hold(code: dict[str, Any]) -> None:
    from torch_perflint.runners.profiling.torch_held import step_memory

    found = step_memory(code["step"], code["root"])
    row = 8 * 4096 * 4  # bytes of what the wide layer makes
    weights = 2 * (16 * 4096 + 4096) * 4 + 8 * 16 * 4
    assert found.before >= weights
    holders = {(one.line, one.module): one.size for one in found.holders}
    # The output of the sigmoid is alive at the peak, as backward needs it.
    assert holders["net.py:11", "Net"] == row
    assert found.peak - found.before == sum(holders.values()) >= 2 * row
    saved = {one.module: one.size for one in found.saved}
    # The first layer's input, for its weight; the sigmoid's output; and both of the second layer.
    assert saved["Net.wide"] == 8 * 16 * 4
    assert saved["Net"] == row
    assert saved["Net.back"] == row + 4096 * 4
    assert found.saved[0] == Saved("Net.back", saved["Net.back"])


@pytest.mark.torch
def test_gradients_that_are_given_back_and_made_anew_count_once(code: dict[str, Any]) -> None:
    from torch_perflint.runners.counters.torch_memory import count_memory
    from torch_perflint.runners.profiling.torch_held import step_memory

    kept = step_memory(code["step"], code["root"], steps=2)
    new = step_memory(code["again"], code["root"])
    wide, back = 16 * 4096 * 4, 4096 * 4
    assert kept.before == new.before
    # `step` holds the new gradient of the first layer beside the one to which it is added.
    assert kept.peak - new.peak == wide
    assert {one["peak_bytes"] for one in count_memory(code["step"])} == {kept.peak}
    assert {one["peak_bytes"] for one in count_memory(code["again"])} == {new.peak}
    for held in (kept, new):
        assert set(held.kept) >= {
            Kept("Net.wide", "parameters and buffers", wide),
            Kept("Net.wide", "gradients", wide),
            Kept("Net.back", "parameters and buffers", back),
            Kept("Net.back", "gradients", back),
        }


@pytest.mark.torch
def test_what_a_step_gives_back_at_once_is_at_its_peak_too(code: dict[str, Any]) -> None:
    from torch_perflint.runners.profiling.torch_held import step_memory

    found = step_memory(code["brief"], code["root"])
    assert found.peak - found.before == 1 << 20
    assert found.holders == (Holder("net.py:27", "", 1 << 20),)
