"""How fast images are read, augmented and put through a small model."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from minitrain.data import Augment, SyntheticImages, make_loader

BATCH = 64
SIDE = 16


@pytest.mark.perf(items=BATCH, unit="images")
def test_loader_train(perf):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(3 * SIDE * SIDE, 1024),
        nn.ReLU(),
        nn.Linear(1024, 1024),
        nn.ReLU(),
        nn.Linear(1024, 10),
    ).to(perf.device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    augment = Augment(perf.device)
    batches = iter(make_loader(SyntheticImages(side=SIDE), BATCH, workers=0))

    def step():
        images, labels = next(batches)
        images = augment(images.to(perf.device, non_blocking=True))
        labels = labels.to(perf.device, non_blocking=True)
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()

    perf(step)
