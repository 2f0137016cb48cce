"""Runs workflows for real, with `act`, on this machine and without a container or a network.

Stand-ins take the place of what cannot be had here: of three actions of GitHub's (`standins/`), and
of a package registry. perflint's own action is this checkout, and runs as it is.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch_perflint.bot.setup import pins

from ...conftest import Repo
from ..github.server import NUMBER, REPOSITORY, WORKFLOW, FakeGitHub, Pull
from .tools import program
from .written import ACTION, ROOT

STANDINS = Path(__file__).parent / "standins"

# A Python that makes environments like its own at once, and asks no package registry.
PYTHON = """\
#!/bin/sh
case "$1 $2" in
"-m venv") mkdir -p "$3/bin" && ln -sf "$0" "$3/bin/python" ;;
"-m pip") echo "$*" >> "$TEST_PIP_LOG" ;;
*) exec {python} "$@" ;;
esac
"""

# act stops reading when a step's shell has ended, and so loses its last words now and then.
SHELL = """\
#!/bin/sh
{bash} "$@"
status=$?
sleep 0.3
exit $status
"""


@dataclass
class Act:
    """A repository with workflows, the GitHub that it is on, and what a run of these comes to."""

    repo: Repo
    github: FakeGitHub
    folder: Path  # of what act writes
    log: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    def event(self, pull: Pull, **changed: Any) -> dict[str, Any]:
        """What GitHub tells a workflow of a pull request."""
        base = {"full_name": REPOSITORY, "name": "models", "owner": {"login": "acme"}}
        head = base | {"full_name": f"{pull.owner}/models"}
        told = {
            "number": pull.number,
            "title": "Make it faster",
            "labels": [],
            "head": {"sha": pull.head, "ref": pull.branch, "repo": head},
            "base": {"sha": pull.base, "ref": "main", "repo": base},
        }
        return {
            "action": "opened",
            "number": pull.number,
            "pull_request": told | changed,
            "repository": base | {"default_branch": "main"},
        }

    def run(
        self, event: str, workflow: str, payload: dict[str, Any], *words: str, run: int = 1
    ) -> bool:
        """Run a workflow for an event; whether all its jobs were well. `log` has what was said."""
        bin_folder = self.folder / "bin"
        bin_folder.mkdir(parents=True, exist_ok=True)
        for name in ("python", "python3"):
            (bin_folder / name).write_text(PYTHON.format(python=shlex.quote(sys.executable)))
        (bin_folder / "bash").write_text(SHELL.format(bash=shutil.which("bash")))
        for file in bin_folder.iterdir():
            file.chmod(0o755)
        action = self.folder / "action"  # without what else lies in a checkout
        if not action.exists():
            shutil.copytree(ROOT / ".ci", action / ".ci")
            shutil.copy(ROOT / "action.yml", action)
        told = self.folder / "event.json"
        told.write_text(json.dumps(payload), encoding="utf-8")
        given = {
            "GITHUB_API_URL": self.github.url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(run),
            "TEST_ORIGIN": str(self.repo.root),
            "TEST_PIP_LOG": str(self.folder / "pip.log"),
            "TEST_SHA": self.github.head,
            **self.environment,
        }
        here = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GITHUB_", "ACTIONS_", "RUNNER_", "GIT_"))
        }
        here |= {
            "HOME": str(self.folder),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        }
        done = subprocess.run(
            [
                *(program("act"), event, "--workflows", f".github/workflows/{workflow}"),
                *("--eventpath", str(told), "--secret", f"GITHUB_TOKEN={WORKFLOW}"),
                *("--platform", "ubuntu-latest=-self-hosted", "--pull=false", "--no-cache-server"),
                "--no-skip-checkout",
                *("--artifact-server-addr", "127.0.0.1", "--artifact-server-port", _free_port()),
                *("--artifact-server-path", str(self.folder / "artifacts")),
                *_local(pins.CHECKOUT, STANDINS / "checkout"),
                *_local(pins.SETUP_PYTHON, STANDINS / "setup-python"),
                *_local(pins.UPLOAD, STANDINS / "upload-artifact"),
                *("--local-repository", f"{ACTION.name}@{ACTION.commit}={action}"),
                *(word for name, value in given.items() for word in ("--env", f"{name}={value}")),
                *words,
            ],
            cwd=self.repo.root,
            env=here,
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.log = done.stdout + done.stderr
        return done.returncode == 0

    def artifact(self, run: int = 1, name: str = "perflint-report") -> bytes:
        """The archive that a run has handed over."""
        [found] = (self.folder / "artifacts" / str(run)).rglob(f"{name}.zip")
        return found.read_bytes()


def _local(pin: pins.Pin, folder: Path) -> tuple[str, str]:
    return "--local-repository", f"{pin.action}@{pin.commit}={folder}"


def _free_port() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def pull_of(github: FakeGitHub, head: str, base: str, **changed: Any) -> Pull:
    """Let the one pull request be about these commits."""
    made = Pull(head=head, base=base, **changed)
    github.pulls[NUMBER] = made
    github.commits |= {head, base}
    github.history["main"] = {base}
    return made
