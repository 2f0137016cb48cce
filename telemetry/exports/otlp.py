"""Sends gauges to an OpenTelemetry collector, by OTLP over HTTP.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from collections.abc import Iterable

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    Gauge,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from ... import PerflintError, __version__
from ..record import Entry
from .words import finite, seconds_at

_ATTRIBUTES = ("repository", "test", "parameters", "hardware", "torch", "driver")
_SECONDS = 10


def send(entries: Iterable[Entry], endpoint: str = "") -> int:
    """Send values with the moments of their measurement; return how many that were.

    `endpoint` is a URL as http://collector:4318/v1/metrics; without it OpenTelemetry's own
    variables say it (OTEL_EXPORTER_OTLP_ENDPOINT). Raises PerflintError where it does not take
    them.
    """
    kept = finite(entries)
    exporter = OTLPMetricExporter(endpoint=endpoint or None, timeout=_SECONDS)
    scope = ScopeMetrics(InstrumentationScope("perflint", __version__), _metrics(kept), "")
    resource = Resource.create({"service.name": "perflint"})
    try:
        sent = exporter.export(MetricsData([ResourceMetrics(resource, [scope], "")]))
    finally:
        exporter.shutdown()
    if sent is not MetricExportResult.SUCCESS:
        raise PerflintError(f"the values were not taken by {endpoint or 'the endpoint'}")
    return len(kept)


def _metrics(entries: list[Entry]) -> list[Metric]:
    """Make a gauge of each metric and unit."""
    points: dict[tuple[str, str, bool], list[NumberDataPoint]] = {}
    for entry in entries:
        of, at = entry.series, entry.value
        told = {f"perflint.{name}": getattr(of, name) for name in _ATTRIBUTES}
        told["vcs.ref.head.revision"] = at.head
        attributes = {name: value for name, value in told.items() if value}
        moment = int(seconds_at(at.created) * 1e9)
        point = NumberDataPoint(attributes, 0, moment, at.value)
        points.setdefault((of.metric, of.unit, of.higher_is_better), []).append(point)
    return [
        Metric(f"perflint.{metric}", f"{'higher' if up else 'lower'} is better", _unit(unit), data)
        for (metric, unit, up), data in ((key, Gauge(found)) for key, found in points.items())
    ]


def _unit(unit: str) -> str:
    """Write a unit as UCUM has it, where it has one: https://ucum.org/ucum."""
    known = {"bytes": "By", "s": "s", "share": "1", "per step": "{count}/{step}"}
    thing, slash, under = unit.partition("/")
    if slash and under == "s":
        return f"{{{thing}}}/s"
    return known.get(unit, f"{{{unit}}}")
