"""A small transformer's training step, in statements that can be timed one by one."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """Attention and a perceptron, each with its norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, width) to the same shape."""
        batch, time, width = x.shape
        parts = self.qkv(self.norms[0](x)).chunk(3, -1)
        q, k, v = (part.view(batch, time, 4, width // 4).transpose(1, 2) for part in parts)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, time, width))
        return x + self.down(functional.gelu(self.up(self.norms[1](x))))


class GPT(nn.Module):
    """Four blocks over 128 tokens."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(128, width), nn.Linear(width, 128)
        self.blocks = nn.ModuleList(Block(width) for _ in range(4))

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """(batch, time) twice to a loss."""
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        return functional.cross_entropy(self.head(x).flatten(0, 1), targets.flatten())


model = GPT()
optimizer = torch.optim.AdamW(model.parameters())


def step() -> float:
    """One training step, a product beside it, and sixty values that are asked for."""
    optimizer.zero_grad()
    tokens = torch.randint(128, (4, 64))
    targets = torch.roll(tokens, -1, 1)
    loss = model(tokens, targets)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    square = torch.randn(400, 400)
    product = square @ square
    return sum(product[row].sum().item() for row in range(60))
