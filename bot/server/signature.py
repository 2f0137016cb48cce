"""Whether GitHub sent a body: GitHub signs it with a secret that only it and we know."""

import hashlib
import hmac
from collections.abc import Sequence


def is_signed(body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """Compare with the signature under each secret; several hold while one replaces another.

    `signature` is the header X-Hub-Signature-256, `sha256=` and 64 hexadecimal digits. It takes as
    long whichever secret fits, and whichever digit is wrong.
    """
    given = signature.encode("utf-8", "replace")
    fits = [hmac.compare_digest(sign(body, secret).encode(), given) for secret in secrets]
    return any(fits)


def sign(body: bytes, secret: str) -> str:
    """Sign a body as GitHub does."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
