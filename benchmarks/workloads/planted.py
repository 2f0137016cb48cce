"""Fifty changes of a training step that make it slower, each with the line that does it.

A change is a line of the step and what takes its place. One of the new lines is to be named.
"""

SOURCE = '''\
"""A training step with a loader, a model, a loss and an optimizer."""

import torch
from torch import nn
from torch.nn import functional


class Net(nn.Module):
    """Two branches that are put together."""

    def __init__(self, width):
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x):
        """(batch, width) to (batch, 10)."""
        x = functional.gelu(self.first(x))
        y = torch.tanh(self.second(x))
        x = self.norm(x + y)
        return self.head(x)


class Batches:
    """Random batches, in turn."""

    def __init__(self, size, width):
        self.data = torch.randn(8 * size, width)
        self.labels = torch.randint(10, (8 * size,))
        self.size, self.at = size, 0

    def next(self):
        """A batch and its labels."""
        rows = slice(self.at * self.size, (self.at + 1) * self.size)
        self.at = (self.at + 1) % 8
        batch = self.data[rows]
        return batch, self.labels[rows]


def make(size=64, width=256):
    """Build everything anew, and return the step."""
    torch.manual_seed(0)
    model = Net(width)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, foreach=True)
    batches = Batches(size, width)

    def step():
        batch, labels = batches.next()
        optimizer.zero_grad(set_to_none=True)
        logits = model(batch)
        loss = functional.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step
'''

_BATCH = "        batch = self.data[rows]\n"
_GELU = "        x = functional.gelu(self.first(x))\n"
_TANH = "        y = torch.tanh(self.second(x))\n"
_NORM = "        x = self.norm(x + y)\n"
_LOGITS = "        logits = model(batch)\n"
_LOSS = "        loss = functional.cross_entropy(logits, labels)\n"
_BACKWARD = "        loss.backward()\n"
_STEP = "        optimizer.step()\n"
_ADAM = "    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, foreach=True)\n"


def _after(line: str, *more: str) -> tuple[str, str]:
    indent = line[: len(line) - len(line.lstrip())]
    return line, line + "".join(f"{indent}{one}\n" for one in more)


# What is looked for, what takes its place.
CHANGES: dict[str, tuple[str, str]] = {
    # One more operator, in different places and of different kinds.
    "product beside the loss": _after(_LOSS, "side = batch @ batch.T"),
    "sigmoid of the model's state": _after(_GELU, "x = x * torch.sigmoid(x)"),
    "softmax before the norm": _after(_TANH, "y = y * torch.softmax(y, -1)"),
    "exponential in the forward": _after(_NORM, "x = x + 0.0 * x.exp()"),
    "sort of the batch": _after(_BATCH, "batch = batch.sort(-1).values"),
    "cumulative sum": _after(_GELU, "x = x + 0.0 * x.cumsum(-1)"),
    "a second norm": _after(_NORM, "x = self.norm(x)"),
    "dropout": _after(_GELU, "x = functional.dropout(x, 0.1)"),
    "standard deviation": _after(_LOGITS, "spread = batch.std(0).mean()"),
    "norm of the weights": _after(
        _LOSS, "loss = loss + 1e-4 * sum(p.square().sum() for p in model.parameters())"
    ),
    # Waiting for values.
    "item of the loss": _after(_LOSS, "shown = [loss.item() for _ in range(400)]"),
    "values of the logits": _after(_LOGITS, "seen = [row.max().item() for row in logits]"),
    "list of the labels": _after(_LOSS, "labels_list = [one.item() for one in labels]"),
    "list of the batch": _after(_LOGITS, "numbers = batch.tolist()"),
    "check of every parameter": _after(
        _BACKWARD,
        "fine = [bool(torch.isfinite(p.grad).all()) for p in model.parameters() for _ in range(4)]",
    ),
    # Copies.
    "clone of the batch": (_BATCH, "        batch = self.data[rows].clone().clone().clone()\n"),
    "clone of the state": _after(_GELU, "x = x.clone() + 0.0 * x.clone()"),
    "contiguous after a transpose": _after(_GELU, "x = x.t().contiguous().t().contiguous() + 0.0"),
    "copy of all weights": _after(
        _STEP, "kept = {k: v.clone() for k, v in model.state_dict().items() for _ in range(3)}"
    ),
    "repeat of the batch": _after(_BATCH, "batch = batch.repeat(3, 1)[: self.size]"),
    "index in place of a slice": (
        _BATCH,
        "        batch = self.data[torch.arange(rows.start, rows.stop)].clone()\n",
    ),
    # Another type.
    "first layer in double": (
        _GELU,
        "        x = functional.gelu(functional.linear("
        "x.double(), self.first.weight.double(), self.first.bias.double())).float()\n",
    ),
    "second layer in double": (
        _TANH,
        "        y = torch.tanh(functional.linear("
        "x.double(), self.second.weight.double(), self.second.bias.double())).float()\n",
    ),
    "norm in double": (
        _NORM,
        "        x = functional.layer_norm((x + y).double(), (x.shape[-1],)"
        ", self.norm.weight.double(), self.norm.bias.double()).float()\n",
    ),
    "loss in double": (
        _LOSS,
        "        loss = functional.cross_entropy(logits.double(), labels).float() + 0 * "
        "(batch.double() @ batch.double().T).sum()\n",
    ),
    "activation in half": (_TANH, "        y = torch.tanh(self.second(x).bfloat16()).float()\n"),
    # Fusions taken apart.
    "gelu by hand": (
        _GELU,
        "        x = self.first(x)\n"
        "        x = 0.5 * x * (1 + torch.tanh(0.7978845608 * (x + 0.044715 * x**3)))\n",
    ),
    "norm by hand": (
        _NORM,
        "        x = x + y\n"
        "        x = (x - x.mean(-1, True)) / (x.var(-1, keepdim=True) + 1e-5).sqrt()\n",
    ),
    "linear by hand": (
        _TANH,
        "        y = torch.tanh((x[:, None] @ self.second.weight.t()[None])[:, 0] + "
        "self.second.bias)\n",
    ),
    "cross entropy by hand": (
        _LOSS,
        "        loss = -(logits.exp() / logits.exp().sum(-1, True)).log()[labels >= 0].mean() + "
        "sum((batch * k).mean() * 0 for k in range(9))\n",
    ),
    "optimizer that factors": (
        _ADAM,
        "    optimizer = torch.optim.Adafactor(model.parameters(), lr=1e-3, foreach=False)\n",
    ),
    "optimizer for each parameter": (
        _ADAM,
        "    every = [p for p in model.parameters() for _ in range(3)]\n"
        "    each = [torch.optim.AdamW([p], lr=1e-3) for p in every]\n"
        "    empty = lambda s, set_to_none: [o.zero_grad() for o in each]\n"
        "    apply = lambda s: [o.step() for o in each]\n"
        "    optimizer = type('All', (), {'zero_grad': empty, 'step': apply})()\n",
    ),
    "optimizer with amsgrad": (
        _ADAM,
        _ADAM.replace("foreach=True", "foreach=False, amsgrad=True, maximize=True"),
    ),
    # A slower loader.
    "sleep in the loader": _after(_BATCH, "__import__('time').sleep(0.001)"),
    "rows one by one": (
        _BATCH,
        "        batch = torch.stack([self.data[k] for k in range(rows.start, rows.stop)])\n",
    ),
    "noise in the loader": _after(_BATCH, "batch = batch + 0.01 * torch.randn(batch.shape)"),
    "normalised in the loader": _after(_BATCH, "batch = (batch - batch.mean(0)) / batch.std(0)"),
    "Python in the loader": _after(_BATCH, "total = sum(k * k for k in range(20_000))"),
    "shuffled in the loader": _after(_BATCH, "batch = batch[torch.randperm(len(batch))]"),
    "numpy and back": _after(_BATCH, "batch = torch.tensor(batch.numpy().copy().tolist())"),
    # Python of its own.
    "strings in the step": _after(_LOSS, "text = ''.join(str(k) for k in range(8_000))"),
    "a list that is sorted": _after(_STEP, "ordered = sorted(range(40_000), key=lambda k: -k)"),
    "a sleep in the step": _after(_LOSS, "__import__('time').sleep(0.001)"),
    "names of all modules": _after(
        _LOGITS, "names = [n for _ in range(150) for n, _ in model.named_parameters()]"
    ),
    # More of the same.
    "the forward twice": _after(_LOGITS, "logits = logits + 0.0 * model(batch)"),
    "forward without gradients": _after(_BACKWARD, "again = torch.no_grad()(model)(batch)"),
    "two steps of the optimizer": _after(_STEP, "optimizer.step()"),
    "gradients clipped": _after(
        _BACKWARD,
        "nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=False)",
        "nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=False)",
    ),
    "a backward more": (
        _BACKWARD,
        "        loss.backward(retain_graph=True)\n        loss.backward()\n",
    ),
    "gradients that are set to zero": _after(
        _STEP, "[p.grad.zero_() for p in model.parameters() for _ in range(12)]"
    ),
}
