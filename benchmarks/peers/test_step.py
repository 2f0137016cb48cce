"""The step as pytest-benchmark's pages tell: the fixture `benchmark` calls it."""

import test_workloads


def test_cnn(benchmark):
    test_workloads.test_cnn(benchmark)
