"""A small transformer's training step in modules, with timers that can be placed around them."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

# The seconds that each module takes in a step, and its backward; None: no timers.
TIMES: dict[tuple[str, bool], float] | None = None
_STARTED: dict[str, float] = {}


class Tick(torch.autograd.Function):
    """Its input; backward notes the time at which it is reached."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, name: str, ends: bool) -> Tensor:
        """Remember what is timed, and whether it ends here in forward."""
        ctx.told = name, ends
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        """Begin where forward ended."""
        name, begins = ctx.told
        if begins:
            _STARTED[name] = time.perf_counter()
        elif TIMES is not None:
            TIMES[name, True] = time.perf_counter() - _STARTED[name]
        return grads[0], None, None


def timed(name: str, call: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Call a module, between timers where they are wanted."""
    if TIMES is None:
        return call(x)
    x = Tick.apply(x, name, False)
    start = time.perf_counter()
    x = call(x)
    TIMES[name, False] = time.perf_counter() - start
    return Tick.apply(x, name, True)


class Attention(nn.Module):
    """Four causal heads."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, width) to the same shape."""
        batch, length, width = x.shape
        parts = self.qkv(x).chunk(3, -1)
        q, k, v = (part.view(batch, length, 4, width // 4).transpose(1, 2) for part in parts)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class Mlp(nn.Module):
    """Two products with a GELU between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape that ends in width to the same shape."""
        return self.down(functional.gelu(self.up(x)))


class Net(nn.Module):
    """An embedding, attention and a perceptron, and a wide head."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(512, width), nn.Linear(width, 512)
        self.attention, self.mlp = Attention(width), Mlp(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, time) to (batch, time, 512)."""
        x = self.embed(tokens)
        x = x + timed("Net.attention", self.attention, x)
        x = x + timed("Net.mlp", self.mlp, x)
        return timed("Net.head", self.head, x)


model = Net()
optimizer = torch.optim.AdamW(model.parameters())


def step() -> None:
    """One training step."""
    tokens = torch.randint(512, (4, 64))
    loss = functional.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten())
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
