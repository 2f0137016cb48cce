"""Images to train on: a synthetic data set, the order it is read in, and augmentation."""

import random
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler


class SyntheticImages(Dataset):
    """Random images with random labels; the same seed gives the same images."""

    def __init__(self, length: int = 1024, side: int = 32, classes: int = 10, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.images = torch.randn(length, 3, side, side, generator=generator)
        self.labels = [index % classes for index in range(length)]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.images[index], self.labels[index]


class EndlessShuffle(Sampler):
    """Every index once, then once more in another order, without end."""

    def __init__(self, length: int, seed: int = 0) -> None:
        self.length = length
        self.seed = seed

    def __iter__(self) -> Iterator[int]:
        shuffler = random.Random(self.seed)
        order = list(range(self.length))
        while True:
            shuffler.shuffle(order)
            yield from order


def make_loader(dataset: SyntheticImages, batch_size: int, workers: int) -> DataLoader:
    """Read `dataset` in batches, without end, in an order that is the same in every run."""
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=EndlessShuffle(len(dataset)),
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


class Augment:
    """Shifts, mirrors and dims batches at random, on the device that they lie on."""

    def __init__(self, device: str, margin: int = 4, seed: int = 0) -> None:
        self.margin = margin
        self.offsets = random.Random(seed)
        self.generator = torch.Generator(device).manual_seed(seed)

    def __call__(self, images: Tensor) -> Tensor:
        side = images.shape[-1]
        padded = F.pad(images, [self.margin] * 4, mode="reflect")
        top = self.offsets.randint(0, 2 * self.margin)
        left = self.offsets.randint(0, 2 * self.margin)
        images = padded[:, :, top : top + side, left : left + side]
        images = torch.where(self._rand(images) < 0.5, images.flip(-1), images)
        return images * (0.8 + 0.4 * self._rand(images))

    def _rand(self, images: Tensor) -> Tensor:
        shape = (len(images), 1, 1, 1)
        return torch.rand(shape, generator=self.generator, device=images.device)
