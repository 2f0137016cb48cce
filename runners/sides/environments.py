"""Gives each side a virtual environment of its own, where a change alters the dependencies."""

import contextlib
import importlib.util
import json
import os
import shlex
import signal
import site
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..config import RunnersConfig
from ..limit import TimeLimit
from ..processes.isolate import interpreter, variables, without_secrets
from ..result import DependencyChange
from ..sample import Side
from .checkout import Checkout
from .dependencies import Dependencies, changes_between, environment_notes
from .requirements import Declared, is_url, name_of

Say = Callable[[str], None]

# What would make pip install somewhere else, or nothing.
_ASTRAY = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_DRY_RUN", "PYTHONHOME")
_PIP = (
    *("-P", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"),
    *("--no-warn-conflicts", "--no-warn-script-location", "--progress-bar", "off"),
)
_LOG_LINES, _LINE_COLUMNS = 5, 200


@dataclass(frozen=True, slots=True)
class Environments:
    """The sides' own environments; without `folders` both run in perflint's.

    `refused` says why they could not be made, so that the sides are not comparable.
    """

    folders: Mapping[Side, Path] = field(default_factory=dict)
    changes: tuple[DependencyChange, ...] = ()
    notes: tuple[str, ...] = ()
    refused: str | None = None


class _Failed(Exception):
    """A command that fills an environment did not do it; the words are for people."""


def make_environments(
    checkout: Checkout,
    config: RunnersConfig,
    dependencies: Dependencies,
    say: Say,
    limit: TimeLimit,
) -> Environments:
    """Make both environments where what the sides declare differs, within the run's time.

    Each lies over perflint's own: what is installed there and satisfies the side is inherited, and
    what differs is installed on top. Where that fails, nothing can be compared: in one environment
    the change would be measured without its dependencies.
    """
    causes = dependencies.causes(own_command=bool(config.install))
    if not causes:
        return Environments()
    folders: dict[Side, Path] = {}
    installed = {}
    for side in (Side.BASE, Side.HEAD):
        say(f"an environment for {side.value}, since {causes[0]} differs")
        try:
            overlay = _Overlay(checkout, side, limit)
            if config.install:
                overlay.run(config.install)
            else:
                overlay.install(dependencies.declared[side], dependencies.declared[side.other])
            installed[side] = overlay.installed()
        except _Failed as error:
            return Environments(
                refused=f"{', '.join(causes)} changes the dependencies, and {side.value}'s "
                f"environment could not be made: {error}"
            )
        folders[side] = overlay.folder
    changes = changes_between(installed[Side.BASE], installed[Side.HEAD])
    notes = tuple(environment_notes(dependencies, installed, causes))
    return Environments(folders, changes, notes)


class _Overlay:
    """One side's environment while it is made."""

    def __init__(self, checkout: Checkout, side: Side, limit: TimeLimit) -> None:
        self.folder = checkout.scratch / "environments" / side.value
        self._root, self._limit = checkout.root(side), limit
        self._log = self.folder.with_suffix(".log")
        venv.EnvBuilder(symlinks=True, with_pip=False).create(self.folder)
        lines = [f"import site; site.addsitedir({folder!r})" for folder in _inherited()]
        # Its own folder of packages is on the path by then, and comes first.
        packages = sysconfig.get_path("purelib", "venv", {"base": str(self.folder)})
        Path(packages, "inherited.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def install(self, declared: Declared, other: Declared) -> None:
        """Let pip install what the side declares and does not inherit. Raises _Failed."""
        if importlib.util.find_spec("pip") is None:
            # Such as in environments that uv has made; Python brings one along.
            self._python("-P", "-m", "ensurepip")
        constraints = self._written("constraints.txt", declared.constraints)
        limits = ("-c", str(constraints)) if declared.constraints else ()
        wanted = self._written("requirements.txt", _unified(declared.lines))
        self._python(*_PIP, "-r", str(wanted), *limits)
        # pip takes one from a URL for the one from another where the version is the same.
        renewed = tuple(one for one in declared.lines if is_url(one) and one not in other.lines)
        if renewed:
            again = self._written("renewed.txt", renewed)
            self._python(*_PIP, "--force-reinstall", "--no-deps", "-r", str(again))

    def installed(self) -> dict[str, str]:
        """Return the version of each distribution that a worker will see. Raises _Failed."""
        self._python("-P", "-m", f"{__package__}.installed")
        found: dict[str, str] = json.loads(self._log.read_text(encoding="utf-8").splitlines()[-1])
        return found

    def run(self, words: Sequence[str]) -> None:
        """Run a command in the side's worktree until it ends. Raises _Failed."""
        ours = {name: value for name, value in os.environ.items() if name not in _ASTRAY}
        # What is installed may run a stranger's set-up script. The settings of pip stay.
        env = without_secrets(ours) | variables(self.folder, ours) | {"PIP_USER": "0"}
        own = words[0] == str(interpreter(self.folder))
        name = words[3] if own else words[0]
        with self._log.open("wb") as log:
            try:
                process = subprocess.Popen(
                    words,
                    cwd=self._root,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise _Failed(f"{shlex.join(words)} cannot be run: {error.strerror}") from None
        left = max(0.0, self._limit.seconds_left())
        try:
            status = process.wait(timeout=left)
        except subprocess.TimeoutExpired:
            raise _Failed(f"{name} was ended after {left:.0f} s: {self._limit.over()}") from None
        finally:
            # Also what it has started, and also where Ctrl-C came meanwhile.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if status:
            raise _Failed(f"{name} failed: {self._last_words()}")

    def _python(self, *words: str) -> None:
        self.run([str(interpreter(self.folder)), *words])

    def _written(self, name: str, lines: Sequence[str]) -> Path:
        path = self.folder / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        lines = [line.strip()[:_LINE_COLUMNS] for line in lines if line.strip()]
        # pip's last error is its conclusion. Versions for another Python say nothing here.
        errors = [line for line in reversed(lines) if line.startswith("ERROR:")]
        told = [
            line.removeprefix("ERROR:").strip() for line in errors if " Ignored the " not in line
        ]
        return "; ".join(dict.fromkeys(told or lines[-_LOG_LINES:]))


def _inherited() -> list[str]:
    """Return the folders that this Python's packages lie in, in the order in which they count."""
    known = set(site.getsitepackages())
    if site.ENABLE_USER_SITE:
        known.add(site.getusersitepackages())
    return [entry for entry in sys.path if entry in known]


def _unified(lines: Sequence[str]) -> list[str]:
    """Leave out what is also locked by a hash: pip wants a hash for each, or for none."""
    locked = {name_of(line) for line in lines if "--hash=" in line}
    return [line for line in lines if "--hash=" in line or name_of(line) not in locked - {None}]
