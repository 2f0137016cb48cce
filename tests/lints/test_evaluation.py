"""Which loops evaluate a model with autograd on."""

import ast
from textwrap import dedent, indent

import pytest
from torch_perflint.lints.facts import Facts

BODY = "for x, y in loader:\n    count(model(x.cuda()), y)\n"


def _wasted(source: str) -> list[int]:
    facts = Facts("import torch\n" + dedent(source), "eval.py")
    loops = (loop for loop in facts.syntax.loops if isinstance(loop, ast.For))
    return [loop.lineno for loop in loops if facts.evaluations.wasted(loop)]


def _function(name: str, body: str = BODY, before: str = "") -> str:
    return f"{before}def {name}(model, loader):\n{indent(body, '    ')}"


@pytest.mark.parametrize("name", ["evaluate", "test", "validate_epoch", "run_inference", "val"])
def test_a_loop_in_a_function_that_evaluates_is_found(name: str) -> None:
    assert _wasted(_function(name)) == [3]


@pytest.mark.parametrize(
    "source",
    [
        _function("train"),
        _function("evaluate", before="@torch.no_grad()\n"),
        _function("evaluate", before="@torch.inference_mode\n"),
        _function("evaluate", before="@no_grad_if_wanted\n"),
        _function("evaluate", body=f"with torch.no_grad():\n{indent(BODY, '    ')}"),
        _function("evaluate", body=f"with torch.set_grad_enabled(False):\n{indent(BODY, '    ')}"),
        _function("evaluate") + "with torch.no_grad():\n    evaluate(model, loader)\n",
        _function("evaluate") + "@torch.no_grad()\ndef main():\n    evaluate(model, loader)\n",
        _function("evaluate", body=BODY + "    loss.backward()\n"),
        _function("evaluate", body=BODY + "    torch.autograd.grad(loss, x)\n"),
        _function("evaluate", body=BODY.replace("model(", "criterion(")),
        _function("evaluate", body=BODY.replace("model(", "model.generate(")),
        _function("evaluate", body=BODY.replace("loader", "range(3)")),
        _function("adversarial_test"),
        _function("evaluate") + "torch.set_grad_enabled(False)\n",
        _function("evaluate") + "for p in model.parameters():\n    p.requires_grad = False\n",
    ],
)
def test_a_loop_without_a_graph_or_with_a_use_for_it_is_left_alone(source: str) -> None:
    assert _wasted(source) == []


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ("model.eval()\n", True),
        ("model = model.eval()\n", True),
        ("model.train(False)\n", True),
        ("other.eval()\n", False),
        ("model.eval()\nmodel.train()\n", False),
        ("", False),
    ],
)
def test_the_mode_of_the_model_tells_in_a_function_of_any_name(before: str, found: bool) -> None:
    assert bool(_wasted(_function("run", body=before + BODY))) is found


def test_a_class_that_turns_autograd_off_itself_is_left_alone() -> None:
    net = """
        class Net(torch.nn.Module):
            @torch.no_grad()
            def forward(self, x):
                return x
        """
    assert _wasted(dedent(net) + _function("evaluate")) == []
    assert _wasted(dedent(net).replace("@torch.no_grad()", "@staticmethod") + _function("test"))


@pytest.mark.parametrize(
    ("base", "found"), [("trl.SFTTrainer", False), ("speechbrain.Brain", False), ("Own", True)]
)
def test_what_a_framework_runs_without_autograd_is_left_alone(base: str, found: bool) -> None:
    method = indent(_function("evaluate").replace("(model, ", "(self, model, "), "    ")
    source = f"import speechbrain\nimport trl\nclass Runner({base}):\n{method}"
    assert bool(_wasted(source)) is found
