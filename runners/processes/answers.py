"""Reads what workers answer: messages in, plain data out."""

from ..profiling.profile import LineTime, ModuleTime, OperatorTime, PartTime, ProfileSummary
from ..sample import Counts, PerfTest, Products, Reason, SyncSite
from ..selection.collect import Collected
from .channel import Message


def test_of(data: Message) -> PerfTest:
    """Read one perf test that pytest collected."""
    reads = data["reads"]
    return PerfTest(**{**data, "reads": None if reads is None else tuple(reads)})


def collected_of(data: Message) -> Collected:
    """Read what one side has collected."""
    tests, unmarked = list(map(test_of, data["tests"])), tuple(data["unmarked"])
    return Collected(tests, data["errors"], unmarked=unmarked)


def counts_of(data: Message) -> Counts:
    """Read what one step does."""
    sites = tuple(SyncSite(**site) for site in data["syncs"])
    unstable = {name: (least, most) for name, (least, most) in data["unstable"].items()}
    products = tuple(Products(**one) for one in data["products"])
    return Counts(
        data["values"],
        unstable,
        sites,
        products,
        steps=data["steps"],
        period=data["period"],
        counted=data["counted"],
        late=tuple(data["late"]),
        reasons=tuple(Reason(**one) for one in data["reasons"]),
    )


def summary_of(data: Message) -> ProfileSummary:
    """Read one side's profile."""
    return ProfileSummary(
        data["steps"],
        tuple(OperatorTime(**operator) for operator in data["operators"]),
        tuple(LineTime(**line) for line in data["lines"]),
        tuple(PartTime(**part) for part in data["parts"]),
        data["step_ms"],
        data["unattributed_ms"],
        data["on_device"],
        data["call_ms"],
        data["rounds"],
        tuple(ModuleTime(**module) for module in data["modules"]),
    )
