"""Whether what a function may be passed is there: by its callers, and by theirs."""

import ast
from pathlib import Path
from textwrap import dedent

import pytest
from torch_perflint.lints.check import check_paths
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.facts import Facts
from torch_perflint.lints.work import Effort


def _hot(source: str) -> bool:
    facts = Facts("import torch\nfrom torch import nn\n" + dedent(source), "model.py")
    here = [n for n in ast.walk(facts.syntax.tree) if isinstance(n, ast.Name) and n.id == "HERE"]
    assert len(here) == 1
    return facts.regions.hot(here[0]) is not None


MODEL = """
class Mixer(nn.Module):
    def forward(self, x, bias{default}):
        {test}
            HERE
        return x

class Layer(nn.Module):
    def __init__(self):
        self.mixer = Mixer()
    def forward(self, x, bias=None):
        return self.mixer(x, {given})

class Net(nn.Module):
    def __init__(self):
        self.layers = nn.ModuleList([Layer() for _ in range(4)])
        self.stem = nn.Linear(8, 8)
    def forward(self, x, hint=None):
        {made}
        for layer in self.layers:
            x = layer(x, {passed})
        return x
"""
ABSENT = "if bias is None:"
PRESENT = "if bias is not None:"


def _model(
    test: str,
    passed: str = "bias=bias",
    made: str = "bias = self.stem(x)",
    given: str = "bias=bias",
    default: str = "=None",
) -> str:
    return MODEL.format(test=test, passed=passed, made=made, given=given, default=default)


@pytest.mark.parametrize("default", ["", "=None"])
def test_what_the_callers_of_callers_give_is_never_missing(default: str) -> None:
    assert not _hot(_model(ABSENT, default=default))
    assert _hot(_model(PRESENT, default=default))


def test_what_nobody_gives_is_always_missing() -> None:
    assert _hot(_model(ABSENT, passed=""))
    assert not _hot(_model(PRESENT, passed=""))
    assert _hot(_model(ABSENT, given="None"))
    assert not _hot(_model(PRESENT, given="None"))


def test_the_other_branch_is_taken_for_the_other_answer() -> None:
    test = "if bias is not None:\n            x = x + bias\n        else:"
    assert not _hot(_model(test))
    assert _hot(_model(test, passed=""))


@pytest.mark.parametrize(
    "made",
    [
        "bias = torch.ones_like(x)",
        "bias, _ = torch.ones_like(x), None",
        "bias = x[:, :4]",
        "bias = self.stem(x)\n        bias = bias if bias is not None else None",
        "n = len(mems) if mems is not None else 0\n        if n != 0:\n            bias = None\n"
        "        else:\n            bias = self.stem(x)",
    ],
)
def test_what_surely_makes_something_gives_it(made: str) -> None:
    assert not _hot(_model(ABSENT, made=made))


def test_a_layer_that_has_its_forward_from_elsewhere_gives_something() -> None:
    source = _model(ABSENT, made="for bend in self.bends:\n            bias = bend(x)\n")
    source = "from others import Other\nclass Bend(Other):\n    pass\n" + source
    made = "self.bends = nn.ModuleList([Bend()])"
    assert _hot(source)
    assert not _hot(source.replace("self.stem =", f"{made}\n        self.stem ="))


@pytest.mark.parametrize(
    "made",
    [
        "bias = hint",  # an option of whoever runs the whole model
        "bias = self.table.get(x)",
        "bias = None\n        if self.biased:\n            bias = self.stem(x)",
        "bias = self.stem(x) if self.biased else None",
        "bias = from_elsewhere",
    ],
)
def test_what_may_be_missing_keeps_both_branches(made: str) -> None:
    assert _hot(_model(ABSENT, made=made))
    assert _hot(_model(PRESENT, made=made))


def test_what_a_function_of_the_file_gives_back_is_asked_of_it() -> None:
    helper = "def slopes(x):\n    {}\n    return x.mean(0)\n"
    source = _model(ABSENT, made="bias = slopes(x)")
    assert not _hot(helper.format("x = x.float()") + source)
    assert _hot(helper.format("if x.ndim < 3:\n        return None") + source)
    assert _hot(helper.format("if x.ndim < 3:\n        return") + source)


def test_what_an_object_keeps_is_there_unless_it_is_declared_as_none() -> None:
    source = _model(ABSENT, made="bias = self.slopes")
    assert not _hot(source)
    assert _hot(_model(PRESENT, made="bias = self.slopes"))
    assert _hot(source.replace("self.stem =", "self.slopes = None\n        self.stem ="))
    assert not _hot(_model(ABSENT, passed="bias=packed.bias"))


def test_options_that_others_spread_may_be_given() -> None:
    assert _hot(_model(ABSENT, given="**options"))
    assert _hot(_model(PRESENT, given="**options"))


@pytest.mark.parametrize(
    ("takes", "name", "hot"),
    [
        ("input_ids", "attention_mask", False),
        ("input_ids", "position_ids", True),
        ("hidden", "attention_mask", True),  # a layer
    ],
)
def test_what_collators_give_is_seldom_missing(takes: str, name: str, hot: bool) -> None:
    source = f"""
        class Net(nn.Module):
            def forward(self, {takes}, {name}=None):
                if {name} is None:
                    HERE
                return {takes}
        """
    assert _hot(source) is hot


def test_what_a_forward_asks_for_may_be_none_where_nobody_calls_it() -> None:
    source = """
        class Cell(nn.Module):
            def forward(self, x, state):
                if {} is None:
                    HERE
                return x
        """
    assert _hot(source.format("state"))


def test_layers_that_are_appended_are_called_too() -> None:
    source = _model(ABSENT).replace(
        "nn.ModuleList([Layer() for _ in range(4)])",
        "nn.ModuleList()\n        for _ in range(4):\n            self.layers.append(Layer())",
    )
    assert not _hot(source)
    calls = "for layer in self.layers:\n            x = layer("
    assert calls in source
    assert not _hot(source.replace(calls, "for n in range(4):\n            x = self.layers[n]("))


ADAPTER = """
class Adapter(nn.Module):
    def undo(self):
        return self.delta(again=True)
    def delta(self, again=False):
        if again:
            HERE
        return self.weight
    def forward(self, x):
        {before}
        return x @ self.delta()
"""


def test_a_flag_counts_only_where_training_comes_to_the_call() -> None:
    assert not _hot(ADAPTER.format(before="if self.merged:\n            self.undo()"))
    assert _hot(ADAPTER.format(before="if self.redone:\n            self.undo()"))
    assert _hot(ADAPTER.format(before="pass"))  # nobody names `undo` here: others may call it


def test_a_forward_that_leaves_the_loss_empty_is_only_run() -> None:
    source = """
        class Talker(nn.Module):
            def forward(self, x, labels=None):
                loss = None
                {}
                HERE
                return Output(loss=loss, logits=x)
        """
    assert not _hot(source.format("pass"))
    assert _hot(source.format("loss = x.mean()"))
    assert _hot(source.format("return Output(loss=x.mean(), logits=x)") + "    # both\n")


def test_sizes_that_a_module_gives_beside_tensors_are_numbers(tmp_path: Path) -> None:
    source = """
        from torch import nn

        class Patches(nn.Module):
            def forward(self, pixels):
                batch, frames, height, width = pixels.shape
                return self.proj(pixels), frames, pixels.{}

        class Net(nn.Module):
            def __init__(self):
                self.patches = Patches()
            def forward(self, pixels):
                x, frames, found = self.patches(pixels)
                if frames != self.table.size(1):
                    x = x + 1
                if found > 1:
                    x = x + 2
                return x
        """
    (tmp_path / "train.py").write_text("import torch\nloss.backward()\nx.to('cuda')\n")
    assert _lines(tmp_path, source.format("max()")) == [15]
    assert _lines(tmp_path, source.format("ndim")) == []


def _lines(root: Path, source: str, name: str = "net.py") -> list[int]:
    (root / name).write_text(dedent(source).lstrip())
    found = check_paths(root, [Path()], LintConfig(root=root), None, Effort()).findings
    return [f.span.line for f in found if f.path == name and f.code == "PFL103"]


OTHER = """
from scores import score

for x, weights in loader:
    loss = model(x.cuda()).mean()
    loss.backward()
    optimizer.step()
    score(loss.detach(), {})
"""


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        ("torch.ones_like(loss)", [6]),
        ("", [4]),
        ("None", [4]),
        ("args.weights", [4, 6]),
        ("weights=torch.ones_like(loss)", [6]),
        ("**options", [4, 6]),
    ],
)
def test_other_files_tell_what_they_give(tmp_path: Path, given: str, lines: list[int]) -> None:
    (tmp_path / "train.py").write_text("import torch\n" + OTHER.format(given))
    source = """
        import torch
        def score(loss, weights=None):
            if weights is None:
                if loss > 1:
                    loss = loss / 2
            elif loss > 3:
                loss = loss / 3
            return loss
        """
    assert _lines(tmp_path, source, "scores.py") == lines


def test_what_a_base_class_elsewhere_may_declare_is_open(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text(
        "class Base:\n    def __init__(self):\n        self.group = None\n"
    )
    source = """
        import torch
        from base import Base
        class Net(Base, torch.nn.Module):
            def forward(self, x):
                group = self.group
                if group is None:
                    if x.std() > 3:
                        x = x / 2
                return x
        """
    (tmp_path / "train.py").write_text(
        "import torch\n" + OTHER.replace("from scores import score", "").replace("score(", "print(")
    )
    assert _lines(tmp_path, source) == [7]
