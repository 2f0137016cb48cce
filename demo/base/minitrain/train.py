"""Trains the convolutional network: `python -m minitrain.train --steps 200`."""

import argparse

import torch

from .convnet import ConvNet
from .data import Augment, SyntheticImages, make_loader
from .steps import train_step


def main() -> None:
    """Read the options, train, and print the loss now and then."""
    parser = argparse.ArgumentParser(description="Train the convolutional network.")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--log-every", type=int, default=50)
    options = parser.parse_args()

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    model = ConvNet().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loader = make_loader(SyntheticImages(), options.batch_size, options.workers)
    augment = Augment(device)
    for step, (images, labels) in enumerate(loader):
        if step == options.steps:
            break
        images = augment(images.to(device, non_blocking=True))
        labels = labels.to(device, non_blocking=True)
        loss = train_step(model, optimizer, images, labels)
        if step % options.log_every == 0:
            print(f"step {step}: loss {float(loss):.4f}")


if __name__ == "__main__":
    main()
