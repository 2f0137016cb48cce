"""Seeds what code draws at random while it is imported, before any perf test runs."""

import os
import random


def seed_imports(variable: str = "PYTHONHASHSEED") -> None:
    """Seed Python's and NumPy's generators by the number in this variable of the environment.

    It is the same on both sides of a launch, and another one in each launch. PyTorch's generator
    begins with the same number in every process anyway; each run of a test is seeded once more.
    """
    number = int(os.environ[variable])
    random.seed(number)
    try:
        import numpy
    except ImportError:
        return  # the user's own environment has none
    numpy.random.seed(number % 2**32)
