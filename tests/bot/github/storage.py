"""The second host: where GitHub keeps what runs hand over. It wants no token, and remembers any."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Storage:
    """Files by path, and what was sent along when somebody asked for them."""

    host: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)  # sent with a file, by path
    statuses: list[int] = field(default_factory=list)  # instead of the next answers
    asked: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    sent_bytes: int = 0

    def url(self, path: str) -> str:
        """The address of a file, with a signature as the real one has."""
        return f"http://{self.host}{path}?sig=secret"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536
    storage: Storage

    def log_message(self, *words: object) -> None:
        pass

    def do_GET(self) -> None:
        storage, path = self.storage, self.path.partition("?")[0]
        storage.asked.append(path)
        storage.authorizations += [
            value for name, value in self.headers.items() if name.lower() in _SECRETS
        ]
        content = storage.files.get(path, b"")
        status = storage.statuses.pop(0) if storage.statuses else 200 if content else 404
        self.send_response(status)
        extra = storage.headers.get(path, {})
        for name, value in ({"Content-Length": str(len(content))} | extra).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if status != 200:
            self.close_connection = True
            return
        try:
            for at in range(0, len(content), 65_536):
                piece = content[at : at + 65_536]
                self.wfile.write(piece)
                storage.sent_bytes += len(piece)
            self.wfile.flush()
        except OSError:
            pass  # whoever asked has had enough
        self.close_connection = True


_SECRETS = {"authorization", "cookie", "proxy-authorization"}


@contextmanager
def storing() -> Iterator[Storage]:
    """Serve files on a port of this machine."""
    storage = Storage()
    handler = type("Handler", (_Handler,), {"storage": storage})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    storage.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield storage
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
