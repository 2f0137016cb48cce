"""What whoever sets perflint up may choose, as plain data."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ... import PerflintError
from .source import Source

# What GitHub calls its own machines; each of these is thrown away after one job.
_HOSTED = re.compile(r"(ubuntu|windows|macos)-[\w.-]+", re.ASCII)
_HOST = re.compile(r"[\w.-]{1,253}(:\d{1,5})?", re.ASCII)
_LABEL = re.compile(r"[A-Za-z_][\w.-]{0,255}", re.ASCII)
_ENVIRONMENT = re.compile(r"[A-Za-z_][\w.-]{0,254}", re.ASCII)
# Words that YAML reads as one plain text, whatever they say.
_PLAIN = re.compile(r"[A-Za-z][\w./-]*( [\w./-]+)+", re.ASCII)
_BRANCH = re.compile(r"[A-Za-z_][\w.-]{0,99}(/[\w.-]{1,99})*", re.ASCII)
_PYTHON = re.compile(r"3\.\d{1,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Choices:
    """How a repository is set up.

    `runner`: the labels of the machine that measures. `helper_runner`: of those that lint, look
    and tell. `environment`: whose reviewers let a fork's code run. `python`: the version on both;
    empty where the runner has its own. `by_command`: measure by `/perflint run` alone. `by_app`:
    the server of a GitHub App tells and obeys. `artifact_host`: where GitHub Enterprise Server
    keeps artifacts. `install`: the line that installs the project. `command_branch`: where commands
    start what measures, so that its caches are its own; empty for the default branch.
    """

    source: Source
    runner: tuple[str, ...] = ("ubuntu-latest",)
    helper_runner: tuple[str, ...] = ("ubuntu-latest",)
    environment: str = "perflint-fork"
    python: str = "3.12"
    by_command: bool = False
    by_app: bool = False
    artifact_host: str = ""
    install: str = ""
    command_branch: str = ""

    def __post_init__(self) -> None:
        for label in (*self.runner, *self.helper_runner):
            if not _LABEL.fullmatch(label):
                raise PerflintError(f"{label!r} is no label of a runner")
        if not self.runner or not self.helper_runner:
            raise PerflintError("a job needs a label of the runner that it may run on")
        if not _ENVIRONMENT.fullmatch(self.environment):
            raise PerflintError(
                f"{self.environment!r} is no name of an environment: use letters, digits, - and _"
            )
        for host in self.artifact_hosts:
            if not _HOST.fullmatch(host):
                raise PerflintError(f"{host!r} is no host: write HOST or HOST:PORT")
        if self.command_branch and not _BRANCH.fullmatch(self.command_branch):
            raise PerflintError(
                f"{self.command_branch!r} is no branch: use letters, digits, - and /"
            )
        if self.python and not _PYTHON.fullmatch(self.python):
            raise PerflintError(f"{self.python!r} is no version of Python: write for example 3.12")

    @property
    def artifact_hosts(self) -> tuple[str, ...]:
        """The hosts that `artifact_host` names, with blanks between."""
        return tuple(self.artifact_host.split())

    @property
    def is_self_hosted(self) -> bool:
        """Whether the machine that measures may be your own, and stay after the job."""
        return not (len(self.runner) == 1 and _HOSTED.fullmatch(self.runner[0]))


def labels(words: str) -> tuple[str, ...]:
    """Read labels with commas between."""
    return tuple(word.strip() for word in words.split(",") if word.strip())


def as_runs_on(names: Sequence[str]) -> str:
    """Write labels as YAML takes them after `runs-on:`."""
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"


def as_scalar(text: str) -> str:
    """Write a text as YAML takes it, in quotes where it has to be."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
