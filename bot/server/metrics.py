"""What an operator watches; the one home of prometheus_client."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from .events import EVENTS
from .queue import Depth

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts and times of one server. Labels have few values, whatever is sent to us."""

    def __init__(self, depth: Callable[[], Depth | None], now: Callable[[], float]) -> None:
        self._registry = registry = CollectorRegistry()
        self._deliveries = Counter(
            "perflint_deliveries",
            "Webhook deliveries, by event and by what became of them.",
            ("event", "outcome"),
            registry=registry,
        )
        self.answer_seconds = Histogram(
            "perflint_delivery_seconds",
            "From the first line of a delivery to its answer.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
            registry=registry,
        )
        self._group_size = Histogram(
            "perflint_commit_changes",
            "Changes that one commit made durable.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=registry,
        )
        self._commit_seconds = Histogram(
            "perflint_commit_seconds",
            "How long it takes to make a group of changes durable: how fast the disk is.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
            registry=registry,
        )
        self.commit_failures = Counter(
            "perflint_commit_failures",
            "Commits that the disk did not take: nothing of them was answered with 202.",
            registry=registry,
        )
        self._jobs = Counter(
            "perflint_jobs",
            "Jobs, by kind and by how they ended: done, retried, dead, stopped.",
            ("kind", "outcome"),
            registry=registry,
        )
        self._job_seconds = Histogram(
            "perflint_job_seconds",
            "How long a job takes.",
            ("kind",),
            buckets=(0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
            registry=registry,
        )
        self.over_quota = Counter(
            "perflint_over_quota", "Jobs left out: asked for too often.", registry=registry
        )
        self.held_bytes = Gauge(
            "perflint_held_bytes", "Bytes of bodies that are being read.", registry=registry
        )
        registry.register(_Depths(depth, now))

    def delivered(self, event: str, outcome: str) -> None:
        """Count a delivery; the event is GitHub's to choose, and before the signature anybody's."""
        self._deliveries.labels(event if event in EVENTS else "other", outcome).inc()

    def committed(self, changes: int, seconds: float) -> None:
        """Count a commit of several changes."""
        self._group_size.observe(changes)
        self._commit_seconds.observe(seconds)

    def worked(self, kind: str, outcome: str, seconds: float) -> None:
        """Count a job that has ended, for now or for good."""
        self._jobs.labels(kind, outcome).inc()
        self._job_seconds.labels(kind).observe(seconds)

    def text(self) -> bytes:
        """Write all in Prometheus' text format."""
        return generate_latest(self._registry)


class _Depths(Collector):
    """How much waits, asked for when somebody reads it."""

    def __init__(self, depth: Callable[[], Depth | None], now: Callable[[], float]) -> None:
        self._depth = depth
        self._now = now

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> list[GaugeMetricFamily]:
        if (depth := self._depth()) is None:
            return []
        age = 0.0 if depth.oldest is None else max(0.0, self._now() - depth.oldest)
        return [
            GaugeMetricFamily("perflint_queue_jobs", "Jobs that are not done yet.", depth.open),
            GaugeMetricFamily("perflint_queue_running", "Jobs being done.", depth.running),
            GaugeMetricFamily("perflint_queue_dead", "Jobs given up: look at them.", depth.dead),
            GaugeMetricFamily("perflint_queue_oldest_seconds", "Age of the oldest job.", age),
        ]
