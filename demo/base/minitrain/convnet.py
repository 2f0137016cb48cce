"""A convolutional network for small images."""

from torch import Tensor, nn


class Residual(nn.Module):
    """Two convolutions, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.layers(x)).relu()


class ConvNet(nn.Module):
    """A stem that shrinks the image, two residual stages, and a linear classifier."""

    def __init__(self, classes: int = 10, channels: int = 64) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, channels, 4, stride=4, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            Residual(channels),
            nn.Conv2d(channels, 2 * channels, 2, stride=2),
            Residual(2 * channels),
        )
        self.classify = nn.Linear(2 * channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.classify(self.features(images).mean(dim=(2, 3)))
