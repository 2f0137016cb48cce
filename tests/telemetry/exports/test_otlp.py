"""A receiver of OTLP gets every value, with its moment and where it was measured."""

import gzip
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

pytest.importorskip("opentelemetry.sdk", reason="not installed: `.ci/run` installs it")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="`.ci/run` installs it")

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from torch_perflint import PerflintError
from torch_perflint.telemetry.exports.otlp import send

from .entries import ALL, NASTY


class Receiver(HTTPServer):
    """A collector that keeps what it is sent, and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.taken: list[ExportMetricsServiceRequest] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/metrics"


class Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.taken.append(ExportMetricsServiceRequest.FromString(body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_every_value_arrives(receiver: Receiver) -> None:
    assert send(ALL, receiver.url) == len(ALL)
    (request,) = receiver.taken
    (resource,) = request.resource_metrics
    (scope,) = resource.scope_metrics
    metrics = {one.name: one for one in scope.metrics}
    assert {name: one.unit for name, one in metrics.items()} == {
        "perflint.throughput": "{tokens}/s",
        "perflint.host_syncs": "{count}/{step}",
        "perflint.peak_bytes": "By",
        "perflint.mfu": "1",
        "perflint.compile_cold": "s",
    }
    first, second = metrics["perflint.throughput"].gauge.data_points
    assert first.as_double == 1500.5
    assert first.time_unix_nano == 1767225600 * 10**9
    told = {one.key: one.value.string_value for one in second.attributes}
    assert told["perflint.test"] == NASTY
    assert told["perflint.parameters"] == "[8-é]"
    assert told["vcs.ref.head.revision"] == "c" * 40
    assert {one.key: one.value.string_value for one in resource.resource.attributes}[
        "service.name"
    ] == "perflint"


def test_a_collector_that_refuses_is_told(receiver: Receiver) -> None:
    receiver.status = 400
    with pytest.raises(PerflintError, match="were not taken by http://127"):
        send(ALL, receiver.url)
