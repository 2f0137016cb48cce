"""Values as the history gives them, with names that strangers might choose."""

from torch_perflint.runners.sample import Environment
from torch_perflint.telemetry.record import Entry, Series, Value

NASTY = 'perf_tests/t.py::test_"a\\b\nc`|<b>\x1b[31m'
PLACE = Environment("3.11.2", "2.13.0", "Linux", "a processor", 2, 1, "cpu")
CARD = Environment("3.11.2", "2.13.0", "Linux", "a CPU", 8, 4, "cuda", "NVIDIA H200", "580.1")


def entry(
    test: str = "perf_tests/test_gpt.py::test_gpt_train",
    metric: str = "throughput",
    unit: str = "tokens/s",
    better: bool = True,
    value: float = 1500.5,
    low: float | None = 1490.0,
    high: float | None = 1511.0,
    *,
    parameters: str = "",
    hardware: str = "a processor, 2 cores, 1 thread",
    torch: str = "2.13.0",
    driver: str = "",
    repository: str = "acme/train",
    position: int = 7,
    head: str = "c" * 40,
    created: str = "2026-01-01T00:00:00+00:00",
    link: str = "",
    environment: Environment | None = PLACE,
) -> Entry:
    """An entry whose parts are said where they matter."""
    return Entry(
        Series(repository, test, parameters, metric, unit, better, hardware, torch, driver),
        Value(position, head, created, value, low, high, 3),
        link,
        environment,
    )


COUNTED = entry(metric="host_syncs", unit="per step", better=False, value=2.0, low=None, high=None)
PEAK = entry(metric="peak_bytes", unit="bytes", better=False, value=2.0**33, low=None, high=None)
SHARE = entry(metric="mfu", unit="share", value=0.41, low=None, high=None)
COLD = entry(metric="compile_cold", unit="s", better=False, value=3.25, low=None, high=None)
ALL = (entry(), COUNTED, PEAK, SHARE, COLD, entry(NASTY, parameters="[8-é]"))
