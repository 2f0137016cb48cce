"""Floating-point work by the type that it is computed in, by values worked out by hand."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch_perflint.runners.sample import Counts

torch: Any = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(torch.cuda.is_available(), reason="products on the CPU"),
]


def count(step: Callable[[], object]) -> Counts:
    from torch_perflint.runners.counters.torch_counters import count_steps

    step()
    found = count_steps(step, Path(__file__).parent)
    assert sum(one.flops for one in found.products) == found.values["flops"]
    return found


def by_type(step: Callable[[], object]) -> dict[str, int]:
    products = count(step).products
    assert {one.device for one in products} <= {"cpu"}
    return {one.type: one.flops for one in products}


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)


def test_products_count_by_the_type_of_their_inputs() -> None:
    a, b, bias = torch.ones(2, 3), torch.ones(3, 5), torch.ones(5)
    image, kernel = torch.ones(1, 2, 4, 4), torch.ones(3, 2, 3, 3)

    def step() -> None:
        torch.mm(a, b)  # 2 * 2 * 3 * 5
        torch.addmm(bias.bfloat16(), a.bfloat16(), b.bfloat16())
        torch.bmm(a.double()[None], b.double()[None])
        torch.mm(a.half(), b.half())
        # 3 * 2 * 2 places of 2 * 3 * 3 products.
        torch.nn.functional.conv2d(image, kernel)

    assert by_type(step) == {
        "float32": 60 + 2 * 12 * 18,
        "bfloat16": 60,
        "float64": 60,
        "float16": 60,
    }


def test_under_autocast_a_model_trains_in_bfloat16_where_autocast_says_so() -> None:
    first, second = torch.nn.Linear(8, 16), torch.nn.Linear(16, 2)
    x = torch.ones(4, 8)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            hidden = first(x)
        second(hidden.float()).sum().backward()

    # Forward, and in backward the gradient of the weights, and that of the second layer's input.
    assert by_type(step) == {"bfloat16": 2 * 2 * 4 * 8 * 16, "float32": 3 * 2 * 4 * 16 * 2}


@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_attention_on_a_cpu_is_counted_forward_and_backward(kind: str) -> None:
    # 2 * 3 heads, 8 queries and 12 keys of 16: a product is 2 * 6 * 8 * 12 * 16. Forward has two,
    # backward five, of which one is done again; the mask of causal attention is not taken off.
    query = torch.ones(2, 3, 8, 16, dtype=getattr(torch, kind), requires_grad=True)
    key = torch.ones(2, 3, 12, 16, dtype=getattr(torch, kind), requires_grad=True)
    attention = torch.nn.functional.scaled_dot_product_attention

    def step() -> None:
        attention(query, key, key, is_causal=True).sum().backward()

    assert by_type(step) == {kind: 7 * 2 * 6 * 8 * 12 * 16}


def test_float32_may_be_bfloat16_where_the_settings_say_so() -> None:
    if not hasattr(torch.backends.mkldnn, "matmul"):
        pytest.skip("PyTorch before 2.9 does not tell")
    a = torch.ones(4, 4)
    for setting, kind in (("highest", "float32"), ("high", "float32"), ("medium", "bfloat16")):
        torch.set_float32_matmul_precision(setting)
        assert by_type(lambda: torch.mm(a, a)) == {kind: 128}


def on_gpu(kind: str, index: int = 0) -> SimpleNamespace:
    """Stands for a tensor on a GPU, of which there is none: its type and place are asked for."""
    return SimpleNamespace(dtype=getattr(torch, kind), device=torch.device("cuda", index))


@pytest.mark.parametrize(
    ("operator", "kind", "tf32", "expected"),
    [
        ("aten::mm", "float32", False, "float32"),
        ("aten::mm", "float32", True, "tfloat32"),
        # cuDNN's convolutions use TF32 unless told otherwise.
        ("aten::convolution", "float32", False, "tfloat32"),
        ("aten::convolution_backward", "float32", False, "tfloat32"),
        ("aten::_scaled_dot_product_efficient_attention", "float32", False, "tfloat32"),
        ("aten::_scaled_dot_product_flash_attention", "bfloat16", False, "bfloat16"),
        ("aten::_scaled_mm", "float8_e4m3fn", True, "float8"),
        ("aten::_scaled_mm", "float8_e5m2", True, "float8"),
        ("aten::mm", "float16", True, "float16"),
        ("aten::mm", "complex64", True, "complex64"),
    ],
)
def test_on_a_gpu_float32_is_tf32_where_that_is_allowed(
    operator: str, kind: str, tf32: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch_perflint.runners.counters.torch_flops import kind_of

    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    assert kind_of(operator, [on_gpu(kind)]) == ("cuda", expected)


def test_convolutions_may_be_told_to_keep_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch_perflint.runners.counters.torch_flops import kind_of

    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    with torch.backends.cudnn.flags(allow_tf32=False):
        assert kind_of("aten::convolution", [on_gpu("float32")]) == ("cuda", "float32")


def test_another_gpu_than_the_current_one_has_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch_perflint.runners.counters.torch_flops import kind_of

    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    assert kind_of("aten::mm", [on_gpu("float16", 1)]) == ("cuda:1", "float16")
    # What a product is added to says nothing of its type.
    bias, half = on_gpu("float32"), on_gpu("float16")
    assert kind_of("aten::addmm", [bias, half, half]) == ("cuda", "float16")


def test_of_steps_that_differ_in_a_rhythm_the_products_are_a_mean() -> None:
    from torch_perflint.runners.counters.torch_counters import count_steps

    calls: list[int] = []
    a, b = torch.ones(2, 2), torch.ones(2, 2, dtype=torch.float64)

    def step() -> None:
        calls.append(1)
        torch.mm(a, a) if len(calls) % 2 else torch.mm(b, b)

    found = count_steps(step, Path(__file__).parent)
    assert found.values["flops"] == 16
    assert found.period == 2
    assert {one.type: one.flops for one in found.products} == {"float32": 8, "float64": 8}


def test_steps_that_differ_without_a_rhythm_have_no_products() -> None:
    from torch_perflint.runners.counters.torch_counters import count_steps

    calls: list[int] = []
    a, b = torch.ones(2, 2), torch.ones(2, 2, dtype=torch.float64)

    def step() -> None:
        calls.append(1)
        torch.mm(a, a) if math.isqrt(len(calls)) ** 2 == len(calls) else torch.mm(b, b)

    found = count_steps(step, Path(__file__).parent)
    assert found.values["flops"] == 16
    assert found.products == ()


def test_a_compiled_step_counts_as_it_is_written() -> None:
    from torch_perflint.runners.counters import torch_compile

    weight = torch.ones(3, 5, dtype=torch.bfloat16, requires_grad=True)
    x = torch.ones(2, 3, dtype=torch.bfloat16)
    run = torch.compile(lambda: (x @ weight).sum(), backend="aot_eager")
    try:
        # Forward, and the gradient of the weight.
        assert by_type(lambda: run().backward()) == {"bfloat16": 2 * 60}
    finally:
        torch_compile.forget()
