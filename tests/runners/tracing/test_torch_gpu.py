"""On a GPU, PyTorch's own check of synchronizations agrees with what constructs say."""

import warnings
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.gpu]

from .constructs import CONSTRUCTS, Construct, given  # noqa: E402

# They wait by calls of CUDA that the check does not watch, or in a part that it says it does not.
UNWATCHED = {
    "synchronize",
    "accelerator.synchronize",
    "Event.synchronize",
    "empty_cache",
    "to_sparse",
    "coalesce",
}


def warned(construct: Construct) -> int:
    """How often PyTorch warns of a synchronization."""
    tensors = given()
    construct.run(tensors)  # what happens only once: handles of libraries, memory
    tensors = given()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            construct.run(tensors)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing" in str(warning.message) for warning in told)


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda construct: construct.name)
def test_torch_warns_where_a_construct_waits(construct: Construct) -> None:
    if construct.name in UNWATCHED:
        pytest.skip("PyTorch's check does not watch this")
    assert (warned(construct) > 0) is (construct.waits > 0), construct.why
