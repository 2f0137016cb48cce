"""What expressions hold: elements of containers, results of unknown code, buffers, annotations."""

import ast
from textwrap import dedent

import pytest
from torch_perflint.lints.facts import Facts
from torch_perflint.lints.values import DERIVED, PLAIN, UNKNOWN, Device, Kind, Value, group, join

TENSOR, NEST, GROUP = Kind.TENSOR, Kind.NEST, Kind.GROUP
GPU, HOST, SOMEWHERE = Device.ACCELERATOR, Device.HOST, Device.UNKNOWN
HEADER = """\
import collections
import numpy as np
import torch
import torch as th
from collections import defaultdict
from torch import Tensor, nn, optim
from typing import Optional
x = torch.zeros(3).cuda()
n = 3
"""


def _value(source: str, text: str = "x") -> Value:
    facts = Facts(HEADER + dedent(source), "train.py")
    found = [
        node
        for node in ast.walk(facts.syntax.tree)
        if isinstance(node, ast.expr) and ast.unparse(node) == text
    ]
    assert found, text
    return facts.dataflow.value(max(found, key=lambda node: (node.lineno, node.col_offset)))


DEVICE_TENSORS = {
    "an element of a list": "a = [x, x]\na[0]",
    "an element at a computed place": "a = [x]\na[n]",
    "an element of a comprehension": "a = [model(b).sum() for b in c]\na[-1]",
    "an element that is appended": "a = []\nfor b in c:\n    a.append(x.mean())\na[0]",
    "an element of a list that is extended": "a = []\na.extend([x, x])\na[0]",
    "a value of a dict": "a = {'loss': x, 'n': 3}\na['loss']",
    "a value of a dict made by call": "a = dict(loss=x, n=3)\na['loss']",
    "a value that get finds": "a = {'loss': x, 'n': 3}\na.get('loss')",
    "a value set later": "a = {}\na[n] = x\na['k']",
    "a value of a dict comprehension": "a = {k: x * 2 for k in c}\na['k']",
    "a value of a spread dict": "a = {'k': x}\nb = {**a, 'n': 2}\nb['k']",
    "a list in a dict": "a = defaultdict(list)\na['k'].append(x)\na['k'][0]",
    "a slice of a list": "a = [x, x]\na[1:][0]",
    "the sum of a list": "a = [x, x]\nsum(a)",
    "the sum of a generator": "sum(b.mean() for b in [x, x])",
    "the greatest of a list": "a = [x, x]\nmax(a)",
    "a stack of a list": "a = []\na.append(x)\ntorch.stack(a)",
    "a part of a tuple that a function gives": "def f():\n    return 3, x\na, b = f()\nb",
    "a part of a dict that a function gives": "def f():\n    return {'k': x, 'n': 2}\nf()['k']",
    "what a walrus binds": "(a := x)\na",
    "the rest of a tuple": "a, *b = [3, x, x]\nb[0]",
    "another name for torch": "th.mean(th.exp(x))",
    "a factory on the device of another": "torch.zeros(1, device=x.device)",
    "moved to where another is": "torch.zeros(1).to(x)",
    "what a function makes of its argument": "def f(a):\n    return a * 2 + a.sum()\nf(x)",
    "what a function makes of a tensor or an array": "def f(a):\n    return a.clone().float() "
    "if isinstance(a, Tensor) else np.copy(a)\nf(x)",
    "an element of what a function makes of its argument": "def f(a):\n    found = []\n"
    "    found.append(a.sum())\n    return found\nf(x)[0]",
    "a part of what was made of a device tensor": "a = unheard_of(x)\na[:, 0]",
    "a norm of gradients": "nn.utils.clip_grad_norm_(p, 1.0)",
    "a norm by a framework": "accelerator.clip_grad_norm_(p, 1.0)",
    "a loss of this file": "class MyLoss(nn.Module):\n    def forward(self, a, b):\n"
    "        return (a - b).mean()\nc = MyLoss()\nc(x, x)",
    "a metric's reduction": "metric_of(x, n).mean()",
    "a method's reduction": "self.agent.value_of(x).mean()",
}  # fmt: skip


@pytest.mark.parametrize("source", DEVICE_TENSORS.values(), ids=DEVICE_TENSORS)
def test_this_is_a_tensor_on_the_device(source: str) -> None:
    *_, last = ast.parse(source).body
    assert isinstance(last, ast.Expr)
    value = _value(source, ast.unparse(last.value))
    assert value.kind is TENSOR
    assert value.device is GPU


PLAIN_VALUES = {
    "a list of numbers": "a = []\nfor b in c:\n    a.append(b.item())\na[0]",
    "the sum of numbers": "a = [b.item() for b in c]\nsum(a)",
    "a shape": "other.shape[0]",
    "a size": "other.size(0)",
    "the scale of a scaler": "scaler.get_scale()",
    "the number of a dict": "a = {'k': x, 'n': 3}\na['n']",
    "a learning rate": "scheduler.get_last_lr()[0]",
}


@pytest.mark.parametrize("source", PLAIN_VALUES.values(), ids=PLAIN_VALUES)
def test_this_is_no_tensor(source: str) -> None:
    *_, last = ast.parse(source).body
    assert isinstance(last, ast.Expr)
    assert _value(source, ast.unparse(last.value)).kind is Kind.PLAIN


LOOPS = {
    "for a in [x, x]:\n    a": (TENSOR, GPU),
    "for a, b in zip(c, [x, x]):\n    b": (TENSOR, GPU),
    "for i, b in enumerate([x, x]):\n    b": (TENSOR, GPU),
    "for k, b in {'k': x}.items():\n    b": (TENSOR, GPU),
    "for k, b in {'k': x}.items():\n    k": (Kind.PLAIN, None),
    "for b in {'k': x}.values():\n    b": (TENSOR, GPU),
    "a = {'k': x}\nfor b in a:\n    b": (Kind.PLAIN, None),
    "a = {'k': x}\nfor b in a:\n    a[b]": (TENSOR, GPU),
    "[-b for a, b in zip(c, [x, x])]": (TENSOR, GPU),
}


@pytest.mark.parametrize(("source", "kind", "device"), [(s, *v) for s, v in LOOPS.items()])
def test_loops_hand_out_elements(source: str, kind: Kind, device: Device | None) -> None:
    last = source.split()[-1]
    value = _value(source, "-b" if source.startswith("[") else last)
    assert value.kind is kind
    assert device is None or value.device is device


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        ("Tensor", TENSOR),
        ("torch.Tensor", TENSOR),
        ("'torch.Tensor'", TENSOR),
        ("'FloatTensor'", TENSOR),
        ("Optional[Tensor]", TENSOR),
        ("Tensor | None", TENSOR),
        ("Float[Tensor, 'b c']", TENSOR),
        ("list[Tensor]", GROUP),
        ("dict[str, Tensor]", GROUP),
        ("tuple[Tensor, int]", GROUP),
        ("int", Kind.PLAIN),
        ("list[int]", Kind.PLAIN),
        ("np.ndarray", Kind.PLAIN),
        ("tf.Tensor", Kind.UNKNOWN),
        ("Unheard", Kind.UNKNOWN),
        ("'not python'", Kind.UNKNOWN),
    ],
)
def test_annotations_are_read(annotation: str, kind: Kind) -> None:
    assert _value(f"def f(arg: {annotation}):\n    return arg\n", "arg").kind is kind


def test_an_annotated_tensor_lies_where_its_callers_have_it() -> None:
    source = "def f(arg: Tensor):\n    return arg\n{}\n"
    assert _value(source.format("f(x)"), "arg").device is GPU
    assert _value(source.format("f(x.cpu())"), "arg").device is HOST
    assert _value(source.format("f(x)\nf(x.cpu())"), "arg").device is SOMEWHERE


def test_buffers_and_parameters_move_with_their_module() -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            self.register_buffer("mean", torch.zeros(3))
            self.scale = nn.Parameter(torch.ones(1))
            self.plain = torch.ones(1)
        def forward(self, a):
            return self.mean, self.scale, self.plain
    """
    assert _value(source, "self.mean").is_device_tensor
    assert _value(source, "self.scale").grad
    assert _value(source, "self.plain").device is HOST


def test_a_name_that_stands_for_the_cpu_is_the_host() -> None:
    assert _value("d = torch.device('cpu')\na = x.to(d)\na", "a").device is HOST
    assert _value("d = 'cuda' if g else 'cpu'\na = x.cpu().to(d)\na", "a").device is GPU
    beside = "def f(y):\n    return torch.ones(1, device=y.device)\na = f({})\na"
    assert _value(beside.format("x"), "a").device is GPU
    assert _value(beside.format("unheard(n)"), "a").device is SOMEWHERE
    handed = "def g(y):\n    return f(y)\n" + beside.format("g(n)")
    assert _value(handed.replace("a = f(g(n))", "a = g(n)"), "a").device is GPU
    made = "def f(d='cpu'):\n    return torch.ones(1, device=d)\n"
    assert _value(f"{made}a = f()\na", "a").device is HOST
    assert _value(f"{made}a = f()\nb = f('cuda')\na", "a").device is GPU


def test_what_unknown_code_makes_of_device_tensors_is_only_derived() -> None:
    assert _value("a = unheard(x)\na", "a").is_derived
    assert not _value("a = unheard(n)\na", "a").is_derived
    assert not _value("a = to_numpy(x)\na", "a").is_derived
    assert _value("a, b = unheard(x)\nb", "b").is_derived


def test_what_a_loss_adds_up_is_a_tensor() -> None:
    source = "{}\nloss.backward()\n{}"
    made = "a_loss = unheard(1)\nloss = a_loss + w * 2"
    assert _value(source.format(made, "a_loss"), "a_loss").is_device_tensor
    assert not _value(source.format(made, "w"), "w").is_device_tensor
    named = "found = unheard(1)\nloss = found['a_loss'] + found['weight']"
    assert _value(source.format(named, "found['a_loss']"), "found['a_loss']").is_device_tensor
    assert not _value(source.format(named, "found['weight']"), "found['weight']").is_device_tensor
    summed = "losses = unheard(1)\nloss = sum(losses.values())"
    assert _value(source.format(summed, "losses['a']"), "losses['a']").is_device_tensor
    scaled = "losses = unheard(1)\nloss = sum(losses[k] * w[k] for k in losses)"
    assert _value(source.format(scaled, "losses['a']"), "losses['a']").is_device_tensor
    assert not _value(source.format(scaled, "w['a']"), "w['a']").is_device_tensor


def test_joins_of_groups_know_what_each_can_hold() -> None:
    tensor = Value(TENSOR, GPU)
    assert join([group([("a", tensor)]), group([("a", tensor), ("n", PLAIN)])]).held("a") == tensor
    assert join([group([]), group([(None, tensor)])]).held() == tensor
    assert join([PLAIN, group([(0, PLAIN)])]).kind is Kind.PLAIN
    assert join([group([(0, tensor)]), tensor]).kind is NEST
    assert join([group([]), tensor]) == UNKNOWN
    assert join([DERIVED, tensor]) == DERIVED
    assert join([DERIVED, PLAIN]) == UNKNOWN


def test_groups_have_a_depth_and_a_width() -> None:
    deep = Value(TENSOR, GPU)
    for _ in range(20):
        deep = group([(0, deep)])
    assert deep.held(0).held(0).kind is GROUP
    assert deep.held(0).held(0).held(0).held(0) == UNKNOWN
    wide = group((n, PLAIN if n else deep) for n in range(100))
    assert len(wide.parts) == 1


def test_what_hands_out_a_model_gives_no_output_of_it() -> None:
    for made in ("accelerator.unwrap_model(net)", "build_model(args)", "get_net()"):
        assert _value(f"a = {made}\na", "a").kind is Kind.MODULE
    assert _value("a = unwrap_model(net).config.channels\na", "a").kind is not TENSOR
    assert _value("a = model(net).config\na", "a").kind is Kind.PLAIN


def test_beside_its_loss_a_loss_of_another_package_may_give_anything() -> None:
    source = "from own import MyLoss\nloss_fn = MyLoss()\na_loss, skip = loss_fn(x)\n"
    assert _value(source + "skip", "skip").is_derived
    assert _value(source + "a_loss", "a_loss").on_device


def test_what_wraps_a_module_runs_it() -> None:
    source = (
        "from own import Task\nnet = nn.Linear(3, 3)\ntask = Task(model=net)\na = task(n)['loss']\n"
    )
    assert _value(source + "a", "a").is_device_tensor


def test_the_order_of_questions_changes_no_answer() -> None:
    # Longer than what is followed: the end of the chain is unknown, its beginning is not.
    lines = ["y0 = x", *(f"y{n} = y{n - 1} + 1" for n in range(1, 31)), "y30", "y15"]
    facts = Facts(HEADER + "\n".join(lines), "train.py")
    end, middle = (statement.value for statement in facts.syntax.nodes(ast.Expr)[-2:])
    assert facts.dataflow.value(end).kind is Kind.UNKNOWN
    assert facts.dataflow.value(middle).is_device_tensor
    tested = "if y3:\n    pass\nif not (y1 or y2):\n    assert y4\n"
    found = Facts(HEADER + tested, "train.py").decisions.tested
    assert [ast.unparse(node) for node in found] == ["y3", "y1", "y2", "y4"]


def test_what_a_function_makes_on_the_host_stays_there() -> None:
    assert _value("def f(a):\n    return torch.zeros(3)\nf(x)", "f(x)").device is HOST


def test_what_a_model_gives_has_methods_that_give_more_of_it() -> None:
    source = "policy = nn.Linear(3, 3)\ndist = policy(x)\ndist.log_prob(n)\ndist.to_numpy()"
    assert _value(source, "dist.log_prob(n)").is_derived
    assert _value(source, "dist.to_numpy()") == UNKNOWN


def test_a_buffer_that_is_counted_up_is_a_tensor() -> None:
    source = """
        class Average(nn.Module):
            def __init__(self):
                self.register_buffer("seen", torch.tensor(0))
            def forward(self, x):
                self.seen += 1
                self.turns += 1
                return self.seen, self.turns
        """
    assert _value(source, "self.seen").is_device_tensor
    assert not _value(source, "self.turns").is_tensor


def test_an_abstract_method_gives_what_those_that_override_it_give() -> None:
    source = """
        class Base:
            def compute(self, a):
                raise NotImplementedError
            def run(self):
                return self.compute(x)
        class Mine(Base):
            def compute(self, a):
                return a.mean()
        """
    assert _value(source, "self.compute(x)").is_device_tensor


@pytest.mark.parametrize(
    ("move", "device"),
    [
        ("batch.to(device)", GPU),
        ("batch.cuda()", GPU),
        ("batch = batch.to(n)", HOST),
        ("other.to(device)", HOST),
        ("batch.to('cpu')", HOST),
        ("batch.to(torch.device('cpu'))", HOST),
        ("batch.to(torch.float16)", HOST),
    ],
)
def test_a_batch_that_moves_itself_lies_on_the_device(move: str, device: Device) -> None:
    source = f"""
        from torch.utils.data import DataLoader
        for batch in DataLoader(data):
            {move.replace("batch = batch", "moved = batch")}
            seen(batch.labels)
        """
    assert _value(source, "batch.labels").device is device


def test_unbound_names_come_from_the_module_that_gives_all() -> None:
    asked = "torch.argmax(F.relu(y.cuda()))"
    own = Facts(f"from models.blocks import *\nasked = {asked}", "net.py")
    other = Facts(f"from os.path import *\nasked = {asked}", "net.py")
    for facts, known in ((own, True), (other, False)):
        (call,) = facts.syntax.calls_to("argmax")
        assert facts.dataflow.value(call).is_device_tensor is known
        assert facts.uses_torch is known


def test_what_is_annotated_in_a_mapping_lies_where_the_callers_have_it() -> None:
    source = """
        def report(losses: dict[str, Tensor]):
            for name, value in losses.items():
                return value
        report({"a": x})
        """
    assert _value(source, "value").is_device_tensor
    assert _value(source.replace('{"a": x}', '{"a": x.cpu()}'), "value").device is HOST


@pytest.mark.parametrize(
    ("annotation", "derived"),
    [
        ("Tensor | Other", True),
        ("int | Tensor | Other", False),
        ("Tensor | Other | int", False),
        ("Other", False),
    ],
)
def test_an_input_that_may_be_a_tensor_is_one_unless_it_may_be_a_number(
    annotation: str, derived: bool
) -> None:
    source = f"""
        class Net(nn.Module):
            def forward(self, lengths: {annotation}):
                return lengths
        """
    assert _value(source, "lengths").is_derived is derived


def test_what_unpacks_itself_was_no_tensor() -> None:
    source = """
        loss = criterion(model(x), n)
        more = None
        if isinstance(loss, tuple):
            loss, more = loss
        loss.backward()
        more
        """
    assert not _value(source, "more").is_device_tensor
    assert _value(source.replace("loss, more = loss", "one, more = x"), "more").is_device_tensor


@pytest.mark.parametrize("annotation", ["Tensor | int", "int | Tensor", "Optional[float | Tensor]"])
def test_an_input_that_may_be_a_number_is_no_certain_tensor(annotation: str) -> None:
    source = f"""
        class Net(nn.Module):
            def forward(self, scale: {annotation}):
                return scale
        """
    assert not _value(source, "scale").is_device_tensor
    assert _value(source.replace(annotation, "Tensor"), "scale").is_device_tensor
