"""Three training steps of a few milliseconds on a CPU, for the noise of a machine to show."""

import pytest
import torch
from torch import nn

try:
    from extra import work
except ImportError:  # recordings are of these steps alone

    def work(name: str) -> None:
        """Do nothing more."""


def train(name: str, model: nn.Module, batch: torch.Tensor, target: torch.Tensor):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loss_of = nn.CrossEntropyLoss()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss_of(model(batch), target).backward()
        optimizer.step()
        work(name)

    return step


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.layers(x))


@pytest.mark.perf
def test_cnn(perf):
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), Block(16), Block(16), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip
    perf(train("test_cnn", model, torch.randn(8, 3, 24, 24), torch.randint(10, (8,))))


@pytest.mark.perf
def test_small(perf):
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(),
        nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10),
    )  # fmt: skip
    perf(train("test_small", model, torch.randn(16, 3, 32, 32), torch.randint(10, (16,))))


class Transformer(nn.Module):
    def __init__(self, width: int, length: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(100, width)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(width, 10)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(self.embed(tokens)).mean(1))


@pytest.mark.perf
def test_transformer(perf):
    model = Transformer(64, 32)
    perf(train("test_transformer", model, torch.randint(100, (8, 32)), torch.randint(10, (8,))))
