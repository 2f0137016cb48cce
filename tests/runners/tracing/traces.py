"""Traces made by hand."""

from collections.abc import Mapping

from torch_perflint.runners.tracing.trace import Counts, Frame, Kind, Sync, Trace

MAIN = Frame("/home/me/project/train.py", 20, "<module>")
LIBRARY = Frame("/env/lib/python3.11/site-packages/trainer/loop.py", 7, "step")


def sync(
    steady: Mapping[int, int],
    *,
    kind: Kind = Kind.WAIT,
    operation: str = "item()",
    chain: tuple[Frame, ...] = (MAIN,),
    set_up: int = 0,
    first: int = 0,
    after: int = 0,
) -> Sync:
    """One sync, by default at line 20 of the script."""
    own = MAIN if MAIN in chain else None
    counts = Counts(set_up, first, steady, after)
    return Sync(kind, operation, "the value has to reach Python", chain, own, counts)


def trace(*syncs: Sync, steps: int = 5, **options: object) -> Trace:
    """A run of so many steps."""
    return Trace(("python", "train.py"), "shadow", "2.13.0", steps, syncs, **options)  # type: ignore[arg-type]


def every(count: int, steps: int = 5) -> dict[int, int]:
    """So many in each steady step."""
    return dict.fromkeys(range(2, steps + 1), count)
