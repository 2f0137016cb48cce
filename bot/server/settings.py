"""What the server is told: a TOML file, and secrets from the environment."""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from ... import PerflintError
from ..event import PUBLIC_API
from ..workflow import MEASURE_WORKFLOW, PUSH_WORKFLOW
from .quota import Quotas

WEBHOOK_SECRET, APP_KEY = "PERFLINT_WEBHOOK_SECRET", "PERFLINT_APP_KEY"
_SHORTEST_SECRET = 16
_HOW_SECRET = "make one with `openssl rand -hex 32`"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server takes at most; beyond it a delivery is refused with 503 or 413."""

    body_bytes: int = 2 * 1024 * 1024  # a pull request with the longest text has about 0.4 MiB
    body_seconds: float = 10.0  # GitHub waits for ten seconds in all
    held_bytes: int = 64 * 1024 * 1024  # of all bodies that are being read
    deliveries: int = 256  # being answered at once
    queue_jobs: int = 50_000
    keep_days: float = 14.0  # how long a delivery is known again; GitHub delivers again for 3


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the server listens, and how it works."""

    host: str = "127.0.0.1"
    port: int = 8080
    queue: str = "perflint-queue.db"
    workers: int = 4
    stop_seconds: float = 25.0  # for what is being done; Kubernetes kills after 30


@dataclass(frozen=True, slots=True)
class Hub:
    """The App on a GitHub, and the workflows whose results it tells.

    `workflow` is the one that a push starts, `command_workflow` the one that a command starts, on
    `command_branch` (empty: the default branch of each repository).
    """

    app_id: int = 0
    api_url: str = PUBLIC_API
    workflow: str = f".github/workflows/{PUSH_WORKFLOW}"
    command_workflow: str = f".github/workflows/{MEASURE_WORKFLOW}"
    command_branch: str = ""
    artifact_host: str = ""  # further hosts of artifacts, as a GitHub Enterprise's storage


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the server is told; what is secret has no place in a message or a log."""

    github: Hub
    server: Listen
    limits: Limits
    quotas: Quotas
    webhook_secrets: tuple[str, ...] = field(repr=False)
    app_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Public:
    """What stands in the file."""

    github: Hub
    server: Listen
    limits: Limits
    quotas: Quotas


def load_settings(path: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the file and the secrets. Raises PerflintError that names what is wrong."""
    public = load_file(path)
    if public.github.app_id == 0:
        raise PerflintError(f"{path}: [github] needs app_id: it stands on the App's page")
    return Settings(
        public.github,
        public.server,
        public.limits,
        public.quotas,
        _webhook_secrets(environ),
        _app_key(environ),
    )


def load_file(path: Path) -> Public:
    """Read the file alone. Raises PerflintError that names what is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PerflintError(f"cannot read the settings {path}: {error}") from error
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PerflintError(f"{path} is no TOML: {error}") from error
    _known(found, [one.name for one in fields(Public)], str(path), "table")
    public = Public(
        _table(Hub, found, path),
        _table(Listen, found, path),
        _table(Limits, found, path),
        _table(Quotas, found, path),
    )
    _check(public, path)
    return public


_NAMES: dict[type[Any], str] = {
    Hub: "github",
    Listen: "server",
    Limits: "limits",
    Quotas: "quotas",
}


def _table(kind: type[T], found: Mapping[str, object], path: Path) -> T:
    name = _NAMES[kind]
    table = found.get(name, {})
    where = f"{path}: [{name}]"
    if not isinstance(table, dict):
        raise PerflintError(f"{where} has to be a table")
    types = {one.name: one.type for one in fields(kind)}  # type: ignore[arg-type]
    _known(table, list(types), where, "setting")
    for key, value in table.items():
        wanted = types[key]
        if wanted is float and type(value) is int:
            continue
        if type(value) is not wanted:
            word = {int: "a whole number", float: "a number", str: "a text"}[wanted]  # type: ignore[index]
            raise PerflintError(f"{where} {key} is {value!r}, and has to be {word}")
    return kind(**table)


def _known(table: Mapping[str, object], names: list[str], where: str, what: str) -> None:
    for key in table:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
            raise PerflintError(f"{where} has no {what} {key!r}: {hint}")


def _check(public: Public, path: Path) -> None:
    """Refuse numbers and addresses that no server can work with."""
    for name, table in (
        ("server", public.server),
        ("limits", public.limits),
        ("quotas", public.quotas),
    ):
        for one in fields(table):
            value = getattr(table, one.name)
            if isinstance(value, int | float) and not 0 < value < 2**53:
                raise PerflintError(
                    f"{path}: [{name}] {one.name} is {value}, and has to be above 0"
                )
    if public.server.port > 65_535:
        raise PerflintError(f"{path}: [server] port is {public.server.port}: there are 65535")
    hub = public.github
    if hub.app_id < 0:
        raise PerflintError(f"{path}: [github] app_id is {hub.app_id}, and has to be above 0")
    if not re.match(r"https?://[^/\s]", hub.api_url):
        raise PerflintError(
            f"{path}: [github] api_url is {hub.api_url!r}: write {PUBLIC_API}, or "
            "https://HOST/api/v3 for GitHub Enterprise Server"
        )
    for name in ("workflow", "command_workflow"):
        value, usual = getattr(hub, name), getattr(Hub(), name)
        if not re.fullmatch(r"\.github/workflows/[\w.-]+\.ya?ml", value):
            raise PerflintError(
                f"{path}: [github] {name} is {value!r}: write the path of the measuring "
                f"workflow, for example {usual}"
            )


def _webhook_secrets(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Read one secret a line: while the App is given a new one, the old one holds too."""
    found = tuple(_secret(environ, WEBHOOK_SECRET, _HOW_SECRET).split())
    if short := [one for one in found if len(one) < _SHORTEST_SECRET]:
        raise PerflintError(
            f"{WEBHOOK_SECRET} has a secret of {len(short[0])} characters: anybody can guess it, "
            + _HOW_SECRET
        )
    return found


def _app_key(environ: Mapping[str, str]) -> str:
    key = _secret(environ, APP_KEY, "make one on the App's page, under Private keys")
    # Some tools cannot keep a text of several lines.
    return key.replace("\\n", "\n").strip() + "\n"


def _secret(environ: Mapping[str, str], name: str, how: str) -> str:
    """Read a secret from the environment, or from the file that the environment names."""
    file = environ.get(f"{name}_FILE")
    value = environ.get(name, "")
    if file and value:
        raise PerflintError(f"both {name} and {name}_FILE are set: keep one of them")
    if file:
        try:
            value = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PerflintError(f"cannot read {name}_FILE: {error}") from error
    if not value.strip():
        raise PerflintError(f"{name} is not set, nor {name}_FILE: {how}")
    return value
