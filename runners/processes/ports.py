"""Finds a free TCP port for each side, so that both can have a process group at once."""

import socket

_given: set[int] = set()


def free_port() -> int:
    """Return a TCP port that is free on this machine and that this process has not given away."""
    while True:
        with socket.socket() as probe:
            probe.bind(("", 0))
            port: int = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port
