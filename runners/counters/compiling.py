"""How long `torch.compile` took for a test's steps on each side: cold and warm. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Compiling:
    """Seconds that compiling took until a test's steps ran: once each, so no verdict.

    Cold is the first process of a run, whose compile caches are empty; warm is a fresh process
    that finds what the first one compiled. None where a side compiles nothing, or where that was
    not measured.
    """

    base_cold: float | None = None
    head_cold: float | None = None
    base_warm: float | None = None
    head_warm: float | None = None


def words(at: Compiling) -> str:
    """Write what is known: `compiled in 12.3 s cold (was 11.9), 3.1 s warm (was 3.0)`."""
    return f"compiled in {', '.join(_parts(at))}"


def _parts(at: Compiling) -> Iterator[str]:
    for kind, base, head in (
        ("cold", at.base_cold, at.head_cold),
        ("warm", at.base_warm, at.head_warm),
    ):
        if head is not None:
            yield f"{head:.1f} s {kind}" + ("" if base is None else f" (was {base:.1f})")
        elif base is not None:
            yield f"{base:.1f} s {kind} on base"
