"""What results are called where people read them."""

from collections import Counter
from collections.abc import Sequence

from ..result import TestResult


def labels(tests: Sequence[TestResult]) -> dict[str, str]:
    """What each test (by id) is called: its name, or its whole id where two share a name."""
    names = Counter(result.test.name for result in tests)
    return {
        result.test.id: result.test.id if names[result.test.name] > 1 else result.test.name
        for result in tests
    }
