"""Decides whether base and head may be on the GPU at the same time. Pure."""

from ..result import Failure

# What CUDA and its libraries take for one process before any tensor is there: 0.3 to 0.6 GB are
# reported for cards up to Hopper.
CONTEXT_BYTES = 512 << 20
# The allocator's cache is larger than the peak of its tensors, so some memory is kept free.
_MOST_USED = 0.9

_SHORT_OF_MEMORY = ("cuda out of memory", "cuda error: out of memory", "status_alloc_failed")


def fit_together(base_peak: int, head_peak: int, free: int) -> bool:
    """Whether both sides fit at once: two peaks and two contexts, in bytes, into 0.9 of `free`.

    `free` is what the card has while neither side's process is on it.
    """
    return base_peak + head_peak + 2 * CONTEXT_BYTES < _MOST_USED * free


def is_out_of_memory(failure: Failure) -> bool:
    """Whether a side failed because the GPU's memory was short, which the other side may hold."""
    text = f"{failure.summary}\n{failure.details}".lower()
    return any(words in text for words in _SHORT_OF_MEMORY)
