"""What GitHub Actions told us about this run, and which pull request that makes ours."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .. import PerflintError
from .report import RunLink

PUBLIC_API = "https://api.github.com"

_PUBLIC_HOST = re.compile(r"https://api\.(?P<host>github\.com|[\w-]+\.ghe\.com)")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """The pull request that is told, and the key of our comment on it."""

    repository: str
    pull_request: int
    api_url: str = PUBLIC_API
    key: str = "default"

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.repository) or ".." in self.repository:
            raise PerflintError(f"{self.repository!r} is no repository: write OWNER/NAME")
        if self.pull_request < 1:
            raise PerflintError(f"{self.pull_request} is no number of a pull request")
        if not re.match(r"https?://[^/\s]", self.api_url):
            raise PerflintError(
                f"{self.api_url!r} is no address of a GitHub API: write for example {PUBLIC_API}"
            )

    def __str__(self) -> str:
        return f"{self.repository}#{self.pull_request}"


def web_of(api_url: str) -> str:
    """Where people look at what the API at this address is about: "https://github.com"."""
    if known := _PUBLIC_HOST.fullmatch(api_url.rstrip("/")):
        return f"https://{known['host']}"
    return api_url.rstrip("/").removesuffix("/api/v3")  # GitHub Enterprise Server


@dataclass(frozen=True, slots=True)
class ActionsRun:
    """The run of GitHub Actions that we are part of.

    `pull_request` is None where another event than a pull request started the run; `summary` is
    the file that becomes the job summary.
    """

    server: str
    api_url: str
    repository: str
    run_id: int
    attempt: int = 1
    event: str = ""
    pull_request: int | None = None
    summary: Path | None = None

    @property
    def link(self) -> RunLink:
        """What a report says about the run that made it."""
        return RunLink(self.server, self.repository, self.run_id, self.attempt, self.pull_request)


def read_run(environ: Mapping[str, str], event: str) -> ActionsRun | None:
    """Read the run from its environment and the text of its event; None outside GitHub Actions."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return None
    summary = environ.get("GITHUB_STEP_SUMMARY")
    return ActionsRun(
        server=environ.get("GITHUB_SERVER_URL") or "https://github.com",
        api_url=environ.get("GITHUB_API_URL") or PUBLIC_API,
        repository=_needed(environ, "GITHUB_REPOSITORY"),
        run_id=_number("GITHUB_RUN_ID", _needed(environ, "GITHUB_RUN_ID")),
        attempt=_number("GITHUB_RUN_ATTEMPT", environ.get("GITHUB_RUN_ATTEMPT") or "1"),
        event=environ.get("GITHUB_EVENT_NAME", ""),
        pull_request=_pull_request(event),
        summary=Path(summary) if summary else None,
    )


def this_run() -> ActionsRun | None:
    """Read the run that this process belongs to: the one function here that looks at the world."""
    path = os.environ.get("GITHUB_EVENT_PATH")
    if not path or os.environ.get("GITHUB_ACTIONS") != "true":
        return read_run(os.environ, "")
    try:
        return read_run(os.environ, Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PerflintError(f"cannot read the event in GITHUB_EVENT_PATH: {error}") from error


def _pull_request(event: str) -> int | None:
    if not event.strip():
        return None
    try:
        facts = json.loads(event)
    except (ValueError, RecursionError) as error:
        raise PerflintError(f"the event in GITHUB_EVENT_PATH is no JSON: {error}") from error
    match facts:
        # Only the event of a pull request names the one that the run is about: a comment's event
        # has `issue`, and that of `workflow_run` an array that is empty for forks.
        case {"pull_request": {"number": int(number)}}:
            return number
    return None


def _needed(environ: Mapping[str, str], name: str) -> str:
    if value := environ.get(name):
        return value
    raise PerflintError(f"{name} is not set, though GITHUB_ACTIONS is: run inside GitHub Actions")


def _number(name: str, text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    raise PerflintError(f"{name} is {text!r}, which is no number")
