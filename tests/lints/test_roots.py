"""Which functions run in every step by what they are, and what that says of their parameters."""

import ast
from textwrap import dedent

import pytest
from torch_perflint.lints.engine import check_source
from torch_perflint.lints.facts import Facts
from torch_perflint.lints.markers import takes_the_step
from torch_perflint.lints.outlines import outlines, telling_methods
from torch_perflint.lints.outside import Place
from torch_perflint.lints.registry import all_rules
from torch_perflint.lints.values import Device, Kind


def _facts(source: str, path: str = "train.py") -> Facts:
    return Facts(dedent(source), path)


def _here(facts: Facts) -> ast.expr:
    return next(
        node
        for node in ast.walk(facts.syntax.tree)
        if isinstance(node, ast.Name) and node.id == "HERE"
    )


def _codes(source: str) -> list[tuple[int, str]]:
    found = check_source(dedent(source), "train.py", all_rules())
    return [(f.span.line, f.code) for f in found if f.severity.value != "info"]


LOSSES = [
    "class L(nn.Module):\n    def get_loss(self, x):\n        HERE",
    "class L(nn.Module):\n    def loss_boxes(self, x):\n        HERE",
    "class L(nn.CrossEntropyLoss):\n    def compute_losses(self, x):\n        HERE",
    "class L(nn.CrossEntropyLoss):\n    def forward(self, x):\n        HERE",
    "def focal_loss(pred, target):\n    HERE",
    "def _neg_loss(pred, gt):\n    HERE",
]
NO_LOSSES = [
    "class L:\n    def get_loss(self, x):\n        HERE",
    "class L(nn.Module):\n    def plot_loss(self, x):\n        HERE",
    "class L(nn.Module):\n    def reduce_loss(self, x):\n        HERE",
    "def get_loss(config):\n    HERE",
    "def make_loss(name, weight):\n    HERE",
    "def print_loss(name, loss):\n    HERE",
    "def focal_loss(alpha, gamma):\n    HERE\n    return lambda x, y: x - y",
    "def evaluate_loss(pred, target):\n    HERE",
]


@pytest.mark.parametrize("source", LOSSES)
def test_a_loss_is_computed_in_every_step(source: str) -> None:
    facts = _facts("from torch import nn\n" + source)
    hot = facts.regions.hot(_here(facts))
    assert hot is not None and hot.place is Place.FORWARD


@pytest.mark.parametrize("source", NO_LOSSES)
def test_what_only_speaks_of_losses_is_not(source: str) -> None:
    facts = _facts("from torch import nn\n" + source)
    assert facts.regions.hot(_here(facts)) is None


def test_a_loss_of_a_script_that_only_runs_a_model_is_not_computed_in_training() -> None:
    facts = _facts("import torch\ndef mel_loss(pred, target):\n    HERE", "inference.py")
    assert facts.regions.hot(_here(facts)) is None


@pytest.mark.parametrize("name", ["train_step", "train_one_batch", "fit_batch", "_train_batch"])
def test_a_step_is_known_by_its_name_and_batch(name: str) -> None:
    facts = _facts(f"import torch\nclass T(Base):\n    def {name}(self, batch):\n        HERE")
    assert facts.regions.hot(_here(facts)) is not None
    facts = _facts(f"import torch\nclass T(Base):\n    def {name}(self):\n        HERE")
    assert facts.regions.hot(_here(facts)) is None


def test_what_hot_code_calls_is_hot_without_gradients_and_whatever_it_samples() -> None:
    source = """
        import torch
        for x, y in loader:
            loss = model(x).mean()
            loss.backward()
            optimizer.step()
            sample_targets(loss)
            evaluate(loss)

        @torch.no_grad()
        def sample_targets(loss):
            return loss.item()

        def evaluate(loss):
            return loss.item()

        @torch.no_grad()
        def sample_others(loss):
            return loss.item()
    """
    assert _codes(source) == [(12, "PFL101")]


def test_the_guard_of_accumulated_gradients_is_none() -> None:
    source = """
        import torch
        for i, (x, y) in enumerate(loader):
            loss = model(x).mean()
            loss.backward()
            if (i + 1) % accumulate == 0:
                optimizer.step()
                print(loss.item())
            if (i + 1) % accumulate == 0:
                print(loss.item())
    """
    assert _codes(source) == [(8, "PFL101")]


def test_a_function_that_is_handed_on_runs_where_it_is_handed() -> None:
    source = """
        import torch
        class Head(torch.nn.Module):
            def forward(self, outputs):
                return multi_apply(self.one, outputs)

            def one(self, output):
                return output.sum().item()

            def other(self, output):
                return output.sum().item()

        def train(batch, optimizer):
            Head()(batch).backward()
            optimizer.step()
    """
    assert (8, "PFL101") in _codes(source) and (11, "PFL101") not in _codes(source)


def test_a_check_for_a_tensor_is_believed() -> None:
    source = """
        import torch
        for x, y in loader:
            loss = model(x.cuda()).mean()
            loss.backward()
            optimizer.step()
            stats = unheard_of(loss)
            for name, value in stats.items():
                HERE
                if isinstance(value, torch.Tensor):
                    value.sum()
    """
    facts = _facts(source)
    checked = next(c for c in facts.syntax.calls_to("sum"))
    assert isinstance(checked.func, ast.Attribute)
    value = facts.dataflow.value(checked.func.value)
    assert (value.kind, value.device) == (Kind.TENSOR, Device.ACCELERATOR)


def test_none_is_only_the_absence_of_a_value() -> None:
    source = """
        import torch
        for x, y in loader:
            loss = model(x).mean()
            loss.backward()
            optimizer.step()
            accuracy = (x == y).float().mean().cuda() if topk else None
            if accuracy:
                pass
    """
    assert _codes(source) == [(8, "PFL103")]


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        ("timm.create_model('resnet50')(x)", Kind.NEST),
        ("torchvision.models.resnet50()(x)", Kind.NEST),
        ("einops.rearrange(x.cuda(), 'a b -> b a')", Kind.TENSOR),
        ("torchvision.ops.sigmoid_focal_loss(x.cuda(), y)", Kind.TENSOR),
        ("timm.utils.accuracy(x.cuda(), y)[0]", Kind.TENSOR),
        ("torch.utils.checkpoint.checkpoint(f, x)", Kind.NEST),
    ],
)
def test_well_known_helpers_are_known(made: str, kind: Kind) -> None:
    imports = "import timm, einops, torchvision, torch, timm.utils, torch.utils.checkpoint\n"
    facts = _facts(imports + f"def f(x, y):\n    x = torch.zeros(3)\n    HERE = {made}\n    HERE")
    value = facts.dataflow.value(max((n for n in ast.walk(facts.syntax.tree)
        if isinstance(n, ast.Name) and n.id == "HERE"), key=lambda n: n.lineno))  # fmt: skip
    assert (value.kind, value.device) == (kind, Device.ACCELERATOR)


def test_only_the_methods_that_one_class_has_are_told() -> None:
    one = "class A:\n    def record(self):\n        def inner():\n            pass\n"
    one += "    def both_have(self):\n        pass\n"
    two = "class B:\n    def both_have(self):\n        pass\n\ndef no_method():\n    pass\n"
    found = telling_methods(outlines([("a.py", one), ("b.py", two)]))
    assert found == {"record": [("a.py", "A.record")]}


def test_the_guard_of_a_step_beside_others_is_one() -> None:
    source = """
        import torch
        for i, (x, y) in enumerate(loader):
            loss = critic(x).mean()
            loss.backward()
            critic_optimizer.step()
            if i % every == 0:
                penalty = generator(x).mean()
                penalty.backward()
                optimizer.step()
                print(penalty.item())
    """
    assert _codes(source) == []


def test_a_loop_that_has_a_step_taken_is_a_step_loop() -> None:
    source = """
        import torch
        from timers import AllReduce, timed
        def main():
            def train_step():
                loss = model(x).mean()
                loss.backward()
                optimizer.step()
                return loss
            for x in loader:
                loss = timed(train_step)
                spread = float(AllReduce.apply(x.cuda().var()))
    """
    assert (12, "PFL102") in _codes(source)


def test_losses_that_are_read_one_by_one_without_gradients_are_read_in_the_step() -> None:
    source = """
        import torch
        class Model:
            def optimize_parameters(self, x):
                loss = self.net(x).mean()
                loss.backward()
                self.optimizer.step()
                self.reduce({"a": loss})

            def reduce(self, losses):
                with torch.no_grad():
                    for name, value in losses.items():
                        self.log[name] = value.mean().item()
    """
    assert _codes(source) == [(13, "PFL101")]


FORWARD = """
    import torch
    from torch import nn
    class Net(nn.Module):
        def forward(self, x, mask=None, past_key_values=None, labels=None):
            {body}
    def train(batch, optimizer, net):
        loss = net(batch).mean()
        loss.backward()
        optimizer.step()
"""


@pytest.mark.parametrize(
    "body",
    [
        "if past_key_values is not None:\n                x.max().item()",
        "if isinstance(past_key_values, Cache):\n                x.max().item()",
        "if x.dtype == torch.float16 and torch.isinf(x).any():\n                x = x.clamp(-1, 1)",
        "if self.legacy_processing:\n                x.max().item()",
        "if x.size(0) > 0:\n                x = x + 1\n"
        "            else:\n                x.max().item()",
        "n = len(past_key_values) if past_key_values is not None else 0\n"
        "            if n > 0:\n                x.max().item()",
        "if labels is not None:\n                raise ValueError('not trainable')\n"
        "            x.max().item()",
    ],
)
def test_what_training_does_not_reach_in_a_forward_is_left_alone(body: str) -> None:
    assert _codes(FORWARD.format(body=body)) == []


def test_what_is_like_it_and_runs_is_not() -> None:
    for body in (
        "if mask is not None:\n                x.max().item()",
        "if x.dtype == torch.float32 and torch.isinf(x).any():\n                x = x.clamp(-1, 1)",
        "if labels is not None:\n                x = x + labels\n            x.max().item()",
    ):
        assert len(_codes(FORWARD.format(body=body))) == 1, body


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("self.inner(x)", "PFL102"),
        ("self.inner(x, mask)", "PFL101"),
        ("run(self.inner, x)", "both"),
    ],
)
def test_a_parameter_that_every_caller_leaves_out_or_gives_decides(call: str, found: str) -> None:
    source = f"""
        import torch
        from torch import nn
        class Inner(nn.Module):
            def forward(self, x, mask=None):
                if mask is not None:
                    x.max().item()
                if mask is None:
                    float(x.max())
                return x
        class Net(nn.Module):
            def __init__(self):
                self.inner = Inner()
            def forward(self, x, mask):
                return {call}
        def train(batch, optimizer, net):
            net(batch, batch).mean().backward()
            optimizer.step()
    """
    codes = {code for _, code in _codes(source)}
    assert codes == ({"PFL101", "PFL102"} if found == "both" else {found})


def test_what_is_remembered_for_its_arguments_is_not_made_in_every_step() -> None:
    source = """
        import functools
        import torch
        from torch import nn
        @functools.lru_cache
        def grid(size, device):
            return torch.arange(size).to(device)
        def fresh_grid(size, device):
            return torch.arange(size).to(device)
        class Net(nn.Module):
            def forward(self, x):
                return x + grid(3, x.device) + fresh_grid(3, x.device)
        def train(batch, optimizer, net):
            net(batch).mean().backward()
            optimizer.step()
    """
    assert _codes(source) == [(9, "PFL802")]


def test_an_array_that_is_filled_from_elsewhere_comes_from_the_host() -> None:
    source = """
        import numpy as np
        import torch
        for batch in loader:
            filled = np.zeros((3, 4))
            for row, reply in enumerate(replies):
                filled[row] = reply
            target = torch.from_numpy(filled).cuda()
            noise = np.random.rand(3, 4)
            loss = model(batch, target, torch.from_numpy(noise).cuda()).mean()
            loss.backward()
            optimizer.step()
    """
    assert _codes(source) == [(10, "PFL804")]


@pytest.mark.parametrize(
    ("path", "severity"),
    [
        ("net.py", "warning"),
        ("models/deprecated/net.py", "info"),
        ("inference/net.py", "info"),
        ("pipelines/net.py", "info"),
        ("deprecated.py", "warning"),
    ],
)
def test_a_forward_where_models_are_only_run_is_only_mentioned(path: str, severity: str) -> None:
    source = FORWARD.format(body="x.max().item(); torch.zeros(3).to(x.device)")
    found = check_source(dedent(source), path, all_rules())
    assert {f.severity.value for f in found if f.code in ("PFL101", "PFL802")} == {severity}


@pytest.mark.parametrize(
    ("called", "takes"),
    [
        ("loss_scaler(loss, optimizer)", True),
        ("self.scaler(loss, self.optimizer, parameters)", True),
        ("make_step_no_scaler(model, optimizer)", False),
        ("build_scaler(args, optimizer)", False),
        ("loss_scaler(loss)", False),
    ],
)
def test_a_scaler_that_is_called_takes_the_step(called: str, takes: bool) -> None:
    call = ast.parse(called, mode="eval").body
    assert isinstance(call, ast.Call)
    assert takes_the_step(call) is takes
