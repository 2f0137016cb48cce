"""Fetches a file from where GitHub keeps it: without a token, from known hosts, up to a size."""

import re
import time
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

import requests
from urllib3.exceptions import HTTPError

from .errors import NotAllowedError, RefusedError, UnavailableError

# Where github.com keeps artifacts: today's storage accounts, and the service of before.
GITHUBS_HOSTS = (
    re.compile(r"productionresultssa[0-9]{1,3}\.blob\.core\.windows\.net"),
    re.compile(r"[a-z0-9-]{1,63}\.actions\.githubusercontent\.com"),
)
_CHUNK = 64 * 1024


class Downloads:
    """Fetches from the hosts of GitHub, from the API's own, and from `hosts`: HOST or HOST:PORT.

    `seconds` is how long a file may take in all.
    """

    def __init__(
        self,
        api_url: str,
        hosts: Iterable[str] = (),
        *,
        timeout: float = 15.0,
        seconds: float = 60.0,
    ) -> None:
        api = urlsplit(api_url)
        self._hosts = {host.lower() for host in hosts} | {api.netloc.lower()}
        # Only a GitHub that is itself without encryption, as a test's is, may send us to such.
        self._schemes = {"https", api.scheme}
        self._timeout, self._seconds = timeout, seconds

    def fetch(self, address: str, *, largest: int) -> bytes:
        """Return the file at an address that GitHub named, of at most `largest` bytes.

        Raises NotAllowedError where GitHub named no host that we know, UnavailableError where
        another try may help.
        """
        host = self._known_host(address)
        try:
            # Without `auth`, the HTTP library would look for a password in a .netrc file.
            with requests.get(
                address,
                auth=lambda request: request,
                headers={"User-Agent": "perflint", "Accept-Encoding": "identity"},
                allow_redirects=False,
                stream=True,
                timeout=self._timeout,
            ) as answer:
                return self._read(answer, host, largest)
        # The second is what reading from the connection itself ends in.
        except (requests.RequestException, HTTPError) as error:
            # The address has a signature in it: whoever reads the log could use it.
            kind = type(error).__name__
            raise UnavailableError(f"cannot fetch from {host}: {kind}; try again later") from None

    def _known_host(self, address: str) -> str:
        try:
            parts = urlsplit(address)
            host = parts.netloc.lower()
            known = parts.scheme in self._schemes and self._knows(parts, host)
        except ValueError:
            host, known = "", False
        if known:
            return host
        # Not the whole address: it has a signature in it.
        shown = host if re.fullmatch(r"[a-z0-9.:-]{1,100}", host) else "an unknown place"
        raise NotAllowedError(
            f"GitHub keeps the file at {shown}, which is not among the hosts that are fetched "
            "from: allow it with --artifact-host if it is your GitHub server's storage"
        )

    def _knows(self, parts: SplitResult, host: str) -> bool:
        if host in self._hosts:
            return True
        plain = parts.port in (None, 443) and "@" not in host
        name = parts.hostname or ""
        return plain and any(pattern.fullmatch(name) for pattern in GITHUBS_HOSTS)

    def _read(self, answer: requests.Response, host: str, largest: int) -> bytes:
        if 300 <= answer.status_code < 400:
            raise NotAllowedError(f"{host} sends us elsewhere, where GitHub did not")
        if answer.status_code != 200:
            raise UnavailableError(f"{host} answers {answer.status_code}; try again later")
        until, content = time.monotonic() + self._seconds, bytearray()
        # As it is sent: what is packed once more could unpack to any size.
        while piece := answer.raw.read(_CHUNK, decode_content=False):
            content += piece
            if len(content) > largest:
                raise RefusedError(f"{host} sends more than the {largest:,} bytes that are allowed")
            if time.monotonic() > until:
                raise UnavailableError(f"{host} takes more than {self._seconds:.0f} seconds")
        length = answer.headers.get("content-length", "")
        if length.isdigit() and int(length) != len(content):
            raise UnavailableError(f"{host} sent a part of the file only; try again later")
        return bytes(content)
