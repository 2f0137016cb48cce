"""How fast the convolutional network trains."""

import pytest
import torch

from minitrain.convnet import ConvNet
from minitrain.steps import train_step

BATCH = 16


@pytest.mark.perf(items=BATCH, unit="images")
def test_convnet_train(perf):
    torch.manual_seed(0)
    model = ConvNet().to(perf.device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    images = torch.randn(BATCH, 3, 32, 32).to(perf.device)
    labels = torch.randint(10, (BATCH,)).to(perf.device)

    def step():
        train_step(model, optimizer, images, labels)

    perf(step)
