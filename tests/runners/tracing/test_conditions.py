"""Whether an operator waits depends on what its arguments say."""

from types import SimpleNamespace
from typing import Any

import pytest
from torch_perflint.runners.tracing.conditions import verdict
from torch_perflint.runners.tracing.sync_table import OPERATORS
from torch_perflint.runners.tracing.trace import Kind


def tensor(dtype: str = "float32", *, numel: int = 4, on_gpu: bool = True) -> Any:
    return SimpleNamespace(dtype=f"torch.{dtype}", numel=lambda: numel, on_gpu=on_gpu)


def cost(name: str, *args: Any, **options: Any) -> Kind | None:
    found = verdict(OPERATORS[name], args, options, lambda given: given.on_gpu)
    return None if found is None else found[0]


X, MASK, INDEX = tensor(), tensor("bool"), tensor("int64")
CPU_INDEX, NUMBER = tensor("int64", on_gpu=False), tensor(numel=1, on_gpu=False)


@pytest.mark.parametrize(
    ("name", "args", "options", "kind"),
    [
        ("_local_scalar_dense", [X], {}, Kind.WAIT),
        ("index", [X, [MASK]], {}, Kind.WAIT),
        ("index", [X, [None, INDEX]], {}, None),
        ("index", [X, [CPU_INDEX]], {}, Kind.H2D),
        ("index_put_", [X, [MASK], NUMBER], {}, None),
        ("index_put_", [X, [MASK], tensor(numel=1)], {}, Kind.WAIT),
        ("index_put_", [X, [MASK], NUMBER, True], {}, Kind.WAIT),
        ("index_put_", [X, [MASK, INDEX], NUMBER], {}, Kind.WAIT),
        ("index_put_", [X, [INDEX], X], {}, None),
        ("repeat_interleave", [INDEX], {}, Kind.WAIT),
        ("repeat_interleave", [INDEX], {"output_size": 4}, None),
        ("histc", [X, 4], {}, Kind.WAIT),
        ("histc", [X, 4, 0, 1], {}, None),
        ("masked_fill", [X, MASK, 0.0], {}, None),
        ("masked_fill", [X, MASK, tensor(numel=1)], {}, Kind.WAIT),
        ("masked_fill", [X, MASK, NUMBER], {}, None),
        ("isin", [INDEX, INDEX], {}, None),
        ("isin", [INDEX, tensor(numel=99)], {}, Kind.WAIT),
        ("isin", [INDEX, tensor(numel=99)], {"assume_unique": True}, None),
        ("isin", [INDEX, 3], {}, None),
        ("linalg_inv_ex", [X], {}, None),
        ("linalg_inv_ex", [X], {"check_errors": True}, Kind.WAIT),
    ],
)
def test_an_operator_waits_by_its_arguments(
    name: str, args: list[Any], options: dict[str, Any], kind: Kind | None
) -> None:
    assert cost(name, *args, **options) is kind


def test_every_rule_says_why() -> None:
    assert all(rule.why for rule in OPERATORS.values())
