"""Tells which distributions a Python process can import, and of which version.

`python -m torch_perflint.runners.sides.installed` prints it as JSON, for a process
that cannot see them.
"""

import json
from importlib.metadata import Distribution, distributions

from .requirements import normalised


def installed() -> dict[str, str]:
    """Map the normalised name of each distribution to its version.

    Of two copies the one that comes first on the path counts: it is the one that is imported. A
    copy from version control or a URL also has the commit or hash, since its version may stay.
    """
    found: dict[str, str] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:  # None for what a broken removal left behind
            found.setdefault(normalised(name), _version(distribution))
    return found


def _version(distribution: Distribution) -> str:
    text = distribution.read_text("direct_url.json")
    origin = json.loads(text) if text else {}
    commit = origin.get("vcs_info", {}).get("commit_id", "")
    digest = origin.get("archive_info", {}).get("hash", "").split("=")[-1]
    mark = (commit or digest)[:9]
    return f"{distribution.version} ({mark})" if mark else distribution.version


if __name__ == "__main__":
    print(json.dumps(installed()))
