"""`perflint bot serve`: runs the server until it is told to end; the one home of uvicorn."""

import argparse
import logging
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn

from ... import PerflintError
from ..github.app import App
from .hands import BotHands
from .missed import ask_again
from .server import Server
from .settings import APP_KEY, WEBHOOK_SECRET, Settings, load_settings
from .work import AppWork

HELP = f"""\
Run the GitHub App: take webhooks, keep them in a queue on disk, and tell pull requests.

The settings are a TOML file (docs/server.md). Secrets never stand in it, nor on the command line:
  {WEBHOOK_SECRET}   what GitHub signs deliveries with; one a line while one replaces another
  {APP_KEY}         the App's private key, in PEM form
Either may be in a file that the variable of the same name with _FILE at its end names.

Ends at SIGTERM, after what is being done; what is left is done at the next start.
"""

log = logging.getLogger("perflint.server")


def main(words: list[str]) -> int:
    """Serve, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="perflint bot serve",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE.toml")
    parser.add_argument("--check", action="store_true", help="only check settings and secrets")
    asked = parser.parse_args(words)
    settings = load_settings(asked.config)
    hub = settings.github
    app = App(hub.app_id, settings.app_key, hub.api_url)
    if asked.check:
        print(f"perflint: {asked.config} is fine; App {hub.app_id} on {hub.api_url}")
        return 0
    log_to_stderr()
    work = AppWork(app, BotHands(hub))
    return serve(Server(settings, work, partial(ask_again, app)), settings)


def serve(server: Server, settings: Settings) -> int:
    """Listen until a signal ends it; returns the exit status."""
    listen = settings.server
    config = uvicorn.Config(
        server,
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,  # longer than a proxy keeps an idle connection: nginx does for 60
        timeout_graceful_shutdown=max(1, round(settings.limits.body_seconds)),
        # Connections, of which most may be idle ones: beyond it uvicorn answers 503 itself.
        limit_concurrency=4 * settings.limits.deliveries,
    )
    with _listen(listen.host, listen.port) as socket_:
        log.info("listening on %s:%d", listen.host, listen.port)
        running = _Uvicorn(config, server)
        running.run(sockets=[socket_])
    return 0 if running.started else 1


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise PerflintError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    # asyncio does so for sockets that it makes. Without it an answer, which is sent in two parts,
    # waits 40 ms for an acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


class _Uvicorn(uvicorn.Server):
    """Tells our server of the signal at once, so that it is not ready any more."""

    def __init__(self, config: uvicorn.Config, server: Server) -> None:
        super().__init__(config)
        self._ours = server

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._ours.end_intake()
        # Not what uvicorn does: it ends by the signal once more, so that the status is no 0.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def log_to_stderr() -> None:
    """Log one line an event. No line has a body, a token or a secret: nothing here is told one."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    # What it says about a connection quotes the address with its query, and no more.
    logging.getLogger("urllib3").setLevel(logging.WARNING)
