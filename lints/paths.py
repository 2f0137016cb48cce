"""What the name of a file says about it."""

import re
from pathlib import PurePosixPath

_PROGRAM = re.compile(r"ArgumentParser|@click\.|hydra\.main|absl")
_TESTS = re.compile(r"def test|unittest|pytest|TestCase")
_TEST_FILES = {"conftest.py", "test.py", "benchmark.py", "bench.py"}
_TEST_FOLDERS = {"test", "tests", "testing", "test_utils", "bench", "benchmark", "benchmarks"}
# What a library ships to show itself: tiny models on random data.
_DEMO_FOLDERS = {"demos"}
_ONLY_RUN = {"deprecated", "inference", "pipelines"}
# Where runs leave copies of the code that they ran.
_COPIES = {"log", "logs", "wandb", "mlruns"}


def is_test_code(path: str, text: str | None = None) -> bool:
    """Whether a file holds tests or benchmarks, which wait on purpose, or converts checkpoints.

    With its text, a program that only ends like a test, as `mnist_test.py`, is told from one.
    """
    file = PurePosixPath(path)
    name = file.name
    if text is not None and name.endswith("_test.py") and _PROGRAM.search(text):
        name = name if _TESTS.search(text) else "program.py"
    if name.startswith(("test_", "convert_")) or name.endswith("_test.py") or name in _TEST_FILES:
        return True
    return any(part in _TEST_FOLDERS | _DEMO_FOLDERS | _COPIES for part in file.parts[:-1])


def is_only_run(path: str) -> bool:
    """Whether a file lies where models are run for users, or kept for old times' sake."""
    return not _ONLY_RUN.isdisjoint(PurePosixPath(path).parts[:-1])
