"""One training step of an image classifier."""

import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer


def train_step(model: nn.Module, optimizer: Optimizer, images: Tensor, labels: Tensor) -> float:
    """Take one step and return its loss as a number, ready to be logged."""
    optimizer.zero_grad(set_to_none=True)
    loss = F.cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()
