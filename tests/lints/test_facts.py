"""What rules may ask about a file: names, hot places, values, loaders."""

import ast
from textwrap import dedent

import pytest
from torch_perflint.lints.facts import Facts
from torch_perflint.lints.outside import Place
from torch_perflint.lints.values import Device, Kind, Value


def _facts(source: str, path: str = "train.py") -> Facts:
    return Facts(dedent(source), path)


def _last(facts: Facts, text: str) -> ast.expr:
    """Return the last expression of the file that reads like `text`."""
    found = [
        node
        for node in ast.walk(facts.syntax.tree)
        if isinstance(node, ast.expr) and ast.unparse(node) == text
    ]
    assert found, text
    return max(found, key=lambda node: (node.lineno, node.col_offset))


def _name(source: str, text: str) -> str | None:
    facts = _facts(source)
    return facts.names.of(_last(facts, text))


def _value(source: str, text: str) -> Value:
    facts = _facts(source)
    return facts.dataflow.value(_last(facts, text))


STEP = "loss.backward()\n    optimizer.step()\n"


@pytest.mark.parametrize(
    ("source", "text", "name"),
    [
        ("import torch\ntorch.nn.Linear", "torch.nn.Linear", "torch.nn.Linear"),
        ("import torch.nn as nn\nnn.Linear", "nn.Linear", "torch.nn.Linear"),
        ("import torch.nn.functional\ntorch.zeros", "torch.zeros", "torch.zeros"),
        ("from torch import nn as n\nn.Linear", "n.Linear", "torch.nn.Linear"),
        ("from torch.nn import Linear as L\nL", "L", "torch.nn.Linear"),
        ("from lightning.pytorch import X\nX", "X", "pytorch_lightning.X"),
        ("import lightning.pytorch as pl\npl.X", "pl.X", "pytorch_lightning.X"),
        ("import lightning as L\nL.pytorch.X", "L.pytorch.X", "pytorch_lightning.X"),
        ("from torch.nn import modules\nmodules.Linear", "modules.Linear", "torch.nn.Linear"),
        ("from torch.nn.parallel import DataParallel\nDataParallel", "DataParallel",
         "torch.nn.DataParallel"),
        ("from .torch import nn\nnn.Linear", "nn.Linear", ".torch.nn.Linear"),
        ("def f():\n    import torch\n    torch.zeros", "torch.zeros", "torch.zeros"),
        ("try:\n    import torch as t\nexcept E:\n    import numpy as t\nt.x", "t.x", None),
        ("import torch\ntorch = 3\ntorch.zeros", "torch.zeros", None),
        ("import torch\ndef f(torch):\n    torch.zeros", "torch.zeros", None),
        ("from torch import *\nzeros", "zeros", None),
        ("import torch\nf().torch.zeros", "f().torch.zeros", None),
    ],
)  # fmt: skip
def test_names_are_followed_to_their_import(source: str, text: str, name: str | None) -> None:
    assert _name(source, text) == name


def test_bases_are_followed_through_classes_of_the_file() -> None:
    facts = _facts("import torch.nn as nn\nclass A(nn.Module): ...\nclass B(A): ...\n")
    assert facts.names.bases(facts.syntax.classes[1]) == {"torch.nn.Module"}


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (f"for x in loader:\n    HERE\n    {STEP}", Place.LOOP),
        ("for x in loader:\n    HERE\n    optim_scheduler.step()\n    env.step(x)\n", None),
        ("for x in loader:\n    HERE\n    scaler.scale(loss).backward()\n", Place.LOOP),
        ("for x in loader:\n    HERE\n    accelerator.backward(loss)\n", Place.LOOP),
        ("for x in loader:\n    HERE\n    self.actor.optimizer.step()\n", Place.LOOP),
        ("for x in loader:\n    HERE\n    opt_g.step()\n", Place.LOOP),
        ("for x in loader:\n    HERE\n    loss_scaler(loss, optimizer, clip)\n", Place.LOOP),
        ("for x in loader:\n    HERE\n    for o in optimizers:\n        opt.step()\n", None),
        ("for x in loader:\n    HERE\n    for opt in opts:\n        opt.step()\n", Place.LOOP),
        (f"for epoch in epochs:\n    for x in loader:\n        {STEP[:15]}\n    HERE\n", None),
        (f"def step(batch):\n    HERE\n    {STEP}", Place.FUNCTION),
        (f"def main():\n    optimizer = torch.optim.SGD(p)\n    HERE\n    {STEP}", None),
        (f"def step(b):\n    {STEP}for b in loader:\n    step(b)\n    HERE\n", Place.LOOP),
        (f"def step(b):\n    {STEP}def wrap(b):\n    step(b)\ndef run():\n    for b in loader:\n"
         "        wrap(b)\n        HERE\n", Place.LOOP),
        (f"def shown(loss):\n    HERE\nfor x in loader:\n    shown(x)\n    {STEP}", Place.LOOP),
        (f"def f(x):\n    HERE\nfor x in y:\n    if i % 9 == 0:\n        f(x)\n    {STEP}", None),
        (f"def evaluate():\n    HERE\nfor x in loader:\n    evaluate()\n    {STEP}", None),
        (f"def a():\n    b()\ndef b():\n    HERE\nfor x in y:\n    a()\n    {STEP}", Place.LOOP),
        (f"for x in loader:\n    later = lambda: HERE\n    {STEP}", None),
        ("def epoch():\n    for x in loader:\n        loss.backward()\n        optimizer.step()\n"
         "    if rest:\n        optimizer.step()\n    HERE\n", None),
        (f"def step():\n    {STEP}def epoch():\n    for x in loader:\n        {STEP[:15]}\n"
         "        optimizer.step()\n    optimizer.step()\n    HERE\n", None),
        ("def step(batches):\n    for b in batches:\n        loss.backward()\n    HERE\n"
         "    optimizer.step()\n", Place.FUNCTION),
        ("for x in loader:\n    loss.backward()\n    model.eval()\n    HERE\n", None),
        ("for x in loader:\n    loss.backward()\n    model.eval()\n    model.train()\n    HERE\n",
         Place.LOOP),
        ("class A(nn.Module):\n    def forward(self, x):\n        HERE\n", Place.FORWARD),
        ("class A(nn.Module):\n    def forward(self, x):\n        self.part()\n"
         "    def part(self):\n        HERE\n", Place.FORWARD),
        ("class A(nn.Module):\n    def forward(self, x):\n        if not self.training:\n"
         "            HERE\n", None),
        ("class A(nn.Module):\n    def forward(self, x):\n        if self.training is True:\n"
         "            HERE\n", Place.FORWARD),
        ("class A(nn.Module):\n    def forward(self, x):\n        if self.training is True:\n"
         "            pass\n        else:\n            HERE\n", None),
        ("class A(nn.Module):\n    def forward(self, x):\n        if self.net[0].training:\n"
         "            return x\n        HERE\n", None),
        ("class A(nn.Module):\n    def forward(self, x):\n        if self.training and x:\n"
         "            return x\n        HERE\n", Place.FORWARD),
        ("class A(nn.Module):\n    def forward(self, x):\n        if self.merged:\n"
         "            HERE\n", None),
        ("class A(nn.Module):\n    def forward(self, x):\n        if x.device.type == 'mps':\n"
         "            HERE\n", None),
        ("class A(nn.Module):\n    def forward(self, x):\n        if x.device.type == 'cuda':\n"
         "            HERE\n", Place.FORWARD),
        ("class A(nn.Module):\n    def forward(self, x):\n        if x.is_cuda:\n"
         "            pass\n        else:\n            HERE\n", None),
        ("class A(nn.Module):\n    def forward(self, x, train=True):\n        if train:\n"
         "            pass\n        else:\n            HERE\n", None),
        ("class A(nn.Module):\n    def forward(self, x):\n        if x.shape[0] == 0:\n"
         "            HERE\n", None),
        ("class A(nn.Module):\n    def forward(self, x):\n        if x.shape[0] == 1:\n"
         "            HERE\n", Place.FORWARD),
        ("class A(nn.Module):\n    def forward(self, x):\n        if x.sum().item() > 1:\n"
         "            print('out of range')\n            HERE\n", None),
        ("class A(nn.Module):\n    def forward(self, x):\n        if x.sum().item() > 1:\n"
         "            HERE\n", Place.FORWARD),
        ("class A(nn.Module):\n    def forward(self, x):\n        if self.loud:\n"
         "            print('a step')\n            HERE\n", Place.FORWARD),
        ("class A(nn.Module):\n    def forward(self, x):\n        if int(version[0]) > 0:\n"
         "            pass\n        else:\n            HERE\n", None),
        ("class A(nn.Module):\n    def forward(self, x):\n        if version < (1, 2):\n"
         "            pass\n        else:\n            HERE\n", Place.FORWARD),
        ("class A(nn.Module):\n    def forward(self, x, cache_params=None):\n"
         "        if cache_params is not None and HERE:\n            pass\n", None),
        ("class A(nn.Module):\n    def forward(self, x, mask=None):\n"
         "        if mask is not None and HERE:\n            pass\n", Place.FORWARD),
        ("class A(Unknown):\n    def forward(self, x):\n        HERE\n", None),
        ("import pytorch_lightning as pl\nclass A(pl.LightningModule):\n"
         "    def training_step(self, batch, i):\n        HERE\n", Place.HOOK),
        ("class A(Unknown):\n    def training_step(self, batch, i):\n        HERE\n", None),
        ("from transformers import Trainer\nclass A(Trainer):\n"
         "    def compute_loss(self, model, inputs):\n        HERE\n", Place.HOOK),
        ("while HERE:\n    loss.backward()\n", Place.LOOP),
        ("for x in HERE:\n    loss.backward()\n", None),
        ("for x in loader:\n    loss.backward()\nelse:\n    HERE\n", None),
    ],
)  # fmt: skip
def test_where_code_runs(source: str, place: Place | None) -> None:
    facts = _facts("import torch\nfrom torch import nn\n" + source)
    hot = facts.regions.hot(_last(facts, "HERE"))
    assert (hot and hot.place) == place


def test_a_loop_that_counts_in_an_attribute_is_a_loop_over_steps() -> None:
    source = f"""
class Trainer:
    def train(self):
        BEFORE
        for self.epoch in range(9):
            EPOCH
            self.iterate()
    def iterate(self):
        for self.step in range(9):
            HERE
            self.take_step()
    def take_step(self):
        {STEP.replace("    ", "        ")}"""
    facts = _facts(source)
    where = {name: facts.regions.hot(_last(facts, name)) for name in ("BEFORE", "EPOCH", "HERE")}
    assert [name for name, hot in where.items() if hot] == ["HERE"]


@pytest.mark.parametrize(("calls", "hot"), [(1, True), (4, True), (5, True), (6, False)])
def test_what_a_step_runs_by_way_of_a_few_calls_is_hot(calls: int, hot: bool) -> None:
    functions = [f"def f{n}(loss):\n    f{n + 1}(loss)\n" for n in range(calls - 1)]
    functions.append(f"def f{calls - 1}(loss):\n    HERE\n")
    facts = _facts(f"import torch\n{''.join(functions)}for x in loader:\n    f0(x)\n    {STEP}")
    assert facts.is_hot(_last(facts, "HERE")) is hot


@pytest.mark.parametrize(("calls", "hot"), [(1, True), (3, True), (5, False)])
def test_a_step_may_hide_behind_a_few_calls(calls: int, hot: bool) -> None:
    functions = [f"def f{n}(b):\n    f{n + 1}(b)\n" for n in range(calls - 1)]
    functions.append(f"def f{calls - 1}(b):\n    {STEP}")
    facts = _facts(f"import torch\n{''.join(functions)}for b in loader:\n    f0(b)\n    HERE\n")
    assert facts.is_hot(_last(facts, "HERE")) is hot


def test_the_reason_names_the_loop_or_the_caller() -> None:
    facts = _facts(f"import torch\ndef f(): HERE\nfor x in loader:\n    f()\n    {STEP}")
    hot = facts.regions.hot(_last(facts, "HERE"))
    assert hot
    assert hot.why == "`f` is called in every step, at line 4"


TENSOR, NEST, PLAIN, UNKNOWN = Kind.TENSOR, Kind.NEST, Kind.PLAIN, Kind.UNKNOWN
GPU, HOST, SOMEWHERE = Device.ACCELERATOR, Device.HOST, Device.UNKNOWN


@pytest.mark.parametrize(
    ("source", "kind", "device"),
    [
        ("x = torch.zeros(3)", TENSOR, HOST),
        ("x = torch.zeros(3, device='cuda')", TENSOR, GPU),
        ("x = torch.zeros(3, device='cpu')", TENSOR, HOST),
        ("x = torch.zeros(3).to(device)", TENSOR, GPU),
        ("x = torch.zeros(3).cuda().double().sum()", TENSOR, GPU),
        ("x = torch.zeros(3).cuda().cpu()", TENSOR, HOST),
        ("x = torch.zeros(3).cuda().to('cpu')", TENSOR, HOST),
        ("x = torch.zeros(3).cuda().to(torch.device('cpu'))", TENSOR, HOST),
        ("x = torch.zeros(3).to(torch.float16)", TENSOR, HOST),
        ("x = torch.zeros(3).cuda().to(other.dtype)", TENSOR, GPU),
        ("x = torch.zeros(3).cuda().numpy()", PLAIN, None),
        ("x = torch.zeros(3).cuda().shape[0]", PLAIN, None),
        ("x = torch.zeros(3).cuda().shape", PLAIN, None),
        ("x = torch.stack([a, b])", TENSOR, SOMEWHERE),
        ("x = torch.stack([torch.ones(1).cuda(), b])", TENSOR, GPU),
        ("x = torch.argmax(unknown)", TENSOR, SOMEWHERE),
        ("x = torch.equal(a, b)", PLAIN, None),
        ("x = torch.cuda.memory_allocated()", PLAIN, None),
        ("x = nn.Linear(3, 3)(torch.zeros(3))", NEST, GPU),
        ("c = nn.MSELoss()\nx = c(a, b)", TENSOR, GPU),
        ("x = model(a)", NEST, GPU),
        ("x = model(a).loss", TENSOR, GPU),
        ("x = model(a)['logits']", TENSOR, GPU),
        ("x = model(a).argmax(1) == y", TENSOR, GPU),
        ("x = model(a) is None", PLAIN, None),
        ("x = len(model(a))", PLAIN, None),
        ("x = 1 + 2 * 3", PLAIN, None),
        ("x = unknown(a)", UNKNOWN, None),
        ("x = np.zeros(3)", PLAIN, None),
        ("x = args.loss", UNKNOWN, None),
        ("x = 0\nx += model(a).sum()", TENSOR, GPU),
        ("x, z = model(a), 3", NEST, GPU),
        ("z, x = model(a), 3", PLAIN, None),
        ("x = model(a)\nx = x.cpu()", TENSOR, HOST),
        ("x = model(a)\nx = other(x)", UNKNOWN, None),
        ("if q:\n    x = model(a).sum()\nelse:\n    x = model(b).mean()", TENSOR, GPU),
        ("if q:\n    x = model(a)\nelse:\n    x = unknown(b)", UNKNOWN, None),
        ("x = unknown(a)\nx.backward()", TENSOR, GPU),
        ("x = unknown(a)\n(x / 3).backward()", TENSOR, GPU),
        ("x = unknown(a)\nscaler.scale(x).backward()", TENSOR, GPU),
        ("x = unknown(a)\naccelerator.backward(x)", TENSOR, GPU),
        ("x = unknown(a)\nbooster.backward(loss=x, optimizer=o)", TENSOR, GPU),
        ("x = unknown(a)\nx.backward(loss=y, optimizer=o)", UNKNOWN, None),
        ("x = unknown(a)\nx.backward()\nx = unknown(b)", UNKNOWN, None),
        ("def loss_of(a):\n    return model(a).sum()\nx = loss_of(3)", TENSOR, GPU),
        ("def loss_of(a):\n    return model(a).sum().item()\nx = loss_of(3)", PLAIN, None),
        ("def two(a):\n    return a, model(a).sum()\ny, x = two(3)", TENSOR, GPU),
        ("def f(x):\n    return x\nf(model(3).sum())", TENSOR, GPU),
        ("def f(x: torch.Tensor):\n    return x\n", TENSOR, SOMEWHERE),
        ("def f(x: int):\n    return x\n", PLAIN, None),
        ("def f(x: torch.Tensor = False):\n    return x\n", PLAIN, None),
        ("def f(*, x: torch.Tensor = False):\n    return x\n", PLAIN, None),
        ("def f(use_cache: torch.Tensor):\n    x = use_cache\n    return x\n", PLAIN, None),
        ("def f(x: torch.Tensor = None):\n    return x\n", TENSOR, SOMEWHERE),
        ("for x in model.parameters():\n    x", TENSOR, GPU),
        ("for n, x in model.named_parameters():\n    x", TENSOR, GPU),
        ("for x in range(3):\n    x", PLAIN, None),
        ("for x in unknown:\n    x", UNKNOWN, None),
        ("for x in loader:\n    x\n    loss.backward()", NEST, HOST),
        ("for i, (x, y) in enumerate(tqdm(loader)):\n    x\n    loss.backward()", NEST, HOST),
        ("for x in loader:\n    x = x.cuda()\n    loss.backward()\n    x", NEST, GPU),
        ("for x in [model(3).sum()]:\n    x", TENSOR, GPU),
    ],
)  # fmt: skip
def test_values(source: str, kind: Kind, device: Device | None) -> None:
    header = "import numpy as np\nimport torch\nfrom torch import nn\n"
    # What a name holds is asked after the code that binds it; a parameter, within the function.
    last = "" if source.startswith("def f") else "\nx"
    value = _value(f"{header}{source}{last}\n", "x")
    assert value.kind is kind
    assert device is None or value.device is device


def test_attributes_of_self_are_followed_through_the_class() -> None:
    source = """
    import torch
    class Trainer:
        def __init__(self):
            self.loss = None
            self.device_loss = torch.zeros(1, device="cuda")
        def step(self, x):
            self.loss = unknown(x)
            self.loss.backward()
        def shown(self):
            return self.loss, self.device_loss, self.nothing
    """
    assert _value(source, "self.loss").on_device
    assert _value(source, "self.device_loss").on_device
    assert _value(source, "self.nothing").kind is UNKNOWN


def test_what_goes_into_a_loss_lies_where_the_loss_lies() -> None:
    source = "import torch\ndef f(a, b):\n    part = torch.mean(a)\n    {}\n    return part\n"
    assert _value(source.format("(part + b).backward()"), "part").device is GPU
    assert _value(source.format("loss = part + b\n    loss.backward()"), "part").device is GPU
    assert _value(source.format("other.backward()"), "part").device is SOMEWHERE
