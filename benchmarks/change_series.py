"""Series of a benchmark's values as they occur: level 100, one step in the middle, noise of 1 %."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LENGTH, PLACE, LEVEL, NOISE = 300, 150, 100.0, 0.01
KINDS = {
    "gaussian": "independent, normal",
    "heavy tails": "Student's t with 2.5 degrees of freedom, scaled to a deviation of 1 %",
    "AR(1)": "normal, each value keeps 0.6 of the deviation before it",
    "spikes": "normal; 3 % of the values, by chance, are 5 to 20 % slower",
    "drift": "normal, on a straight slope of 5 % over the series",
    "seasonal": "normal, on a wave of 1.5 % that repeats after 24 points (every second series: "
    "a week with two slow days, 2 %)",
}


def noise(kind: str, number: int, n: int = LENGTH) -> Array:
    """Relative deviations from the level, shape (n,); the same for the same number."""
    rng = np.random.default_rng([sorted(KINDS).index(kind), number])
    normal = NOISE * rng.standard_normal(n)
    places = np.arange(n)
    if kind == "heavy tails":
        return NOISE * np.asarray(rng.standard_t(2.5, n)) / np.sqrt(2.5 / 0.5)
    if kind == "AR(1)":
        out = normal.copy()
        for place in range(1, n):
            out[place] = 0.6 * out[place - 1] + 0.8 * normal[place]
        return out
    if kind == "spikes":
        return normal + (rng.random(n) < 0.03) * rng.uniform(0.05, 0.20, n)
    if kind == "drift":
        return normal + 0.05 * places / n * rng.choice([-1, 1])
    if kind == "seasonal":
        if number % 2:
            return normal + 0.02 * ((places + number) % 7 < 2)
        return normal + 0.015 * np.sin(2 * np.pi * (places + number) / 24)
    return normal


def series(kind: str, step: float, number: int, n: int = LENGTH, place: int = PLACE) -> Array:
    """A series with a step up by `step` (0.02 is 2 %) from index `place` on."""
    return LEVEL * (1 + noise(kind, number, n)) * (1 + step * (np.arange(n) >= place))
