"""Which calls all processes take part in, and what they exchange."""

import ast

import pytest
from torch_perflint.lints.collectives import Collective
from torch_perflint.lints.facts import Facts


def _asked(code: str) -> tuple[Facts, ast.Call]:
    facts = Facts(f"import torch\nimport torch.distributed as dist\n{code}", "train.py")
    outer = [c for c in facts.syntax.calls if isinstance(facts.syntax.parent(c), ast.Expr)]
    return facts, outer[-1]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("dist.barrier()", Collective.BARRIER),
        ("accelerator.wait_for_everyone()", Collective.BARRIER),
        ("fabric.barrier()", Collective.BARRIER),
        ("threading.barrier()", None),
        ("dist.all_reduce(x)", Collective.TENSOR),
        ("accelerator.gather(x)", Collective.TENSOR),
        ("self.strategy.all_reduce(x)", Collective.TENSOR),
        ("utils.reduce_dict(x)", Collective.TENSOR),
        ("torch.gather(x, 0, y)", None),
        ("x.gather(0, y)", None),
        ("functools.reduce(f, x)", None),
        ("dist.all_gather_object(x, y)", Collective.OBJECT),
        ("pool.gather_object(x)", None),
    ],
)
def test_a_collective_is_known_by_its_owner(code: str, kind: Collective | None) -> None:
    facts, call = _asked(code)
    assert facts.collectives.kind(call) is kind


def test_a_helper_of_the_same_file_is_judged_by_what_it_does() -> None:
    facts, call = _asked("def reduce_mean(x):\n    return x\nreduce_mean(x)")
    assert facts.collectives.kind(call) is None


@pytest.mark.parametrize(
    "code",
    [
        "dist.all_reduce(loss)",
        "dist.all_reduce(loss.detach().clone())",
        "dist.all_reduce(logs['val_loss'])",
        "dist.all_gather(parts, top1_acc)",
        "copy = loss.clone()\ncopy /= 2\ndist.all_reduce(copy)",
    ],
)
def test_losses_and_metrics_are_told_by_their_names(code: str) -> None:
    facts, call = _asked(code)
    assert facts.collectives.is_metric(call)


@pytest.mark.parametrize(
    "code",
    ["dist.all_reduce(p.grad)", "dist.all_gather(parts, features)", "dist.all_reduce(loss_weight)"],
)
def test_what_training_needs_is_no_metric(code: str) -> None:
    facts, call = _asked(code)
    assert not facts.collectives.is_metric(call)


@pytest.mark.parametrize(
    ("code", "made"),
    [
        ("dist.all_reduce(torch.tensor(n).cuda())", True),
        ("t = torch.tensor([n, 1.0], device='cuda')\ndist.all_reduce(t)", True),
        ("dist.all_reduce(loss)", False),
        ("t = torch.zeros(1, device='cuda')\ndist.all_reduce(t)", False),
    ],
)
def test_tensors_made_of_numbers_are_followed_to_their_factory(code: str, made: bool) -> None:
    facts, call = _asked(code)
    assert (facts.collectives.made_of_numbers(call) is not None) is made
