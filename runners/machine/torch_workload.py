"""A small training step that `perflint doctor` compares with itself."""

from collections.abc import Callable

import torch
from torch import nn


def training_step(device: str) -> Callable[[], object]:
    """Build a small network with its optimizer and batch, and return the step that trains it."""
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(256, 256),
        nn.ReLU(),
        nn.Linear(256, 10),
    ).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    images = torch.randn(16, 3, 32, 32, device=device)
    labels = torch.randint(10, (16,), device=device)

    def step() -> None:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's method is untyped
        optimizer.step()

    return step
