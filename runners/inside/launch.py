"""Runs a command so that its Python processes call us, and collects what they have told."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from ... import PerflintError

_PACKAGE = Path(__file__).resolve().parents[2]
# Python imports a module of this name before anything else. The package gets a name of its own, so
# that one that the user's environment has is left alone.
_SITE = """\
import importlib.util, sys
sys.path[:] = [folder for folder in sys.path if folder != {folder!r}]
del sys.modules["sitecustomize"]
try:
    import sitecustomize
except ModuleNotFoundError as error:
    if error.name != "sitecustomize":
        raise
    sys.modules["sitecustomize"] = type(sys)("sitecustomize")
if sys.version_info >= (3, 11):
    spec = importlib.util.spec_from_file_location(
        {name!r}, {init!r}, submodule_search_locations=[{package!r}]
    )
    sys.modules[{name!r}] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[{name!r}])
    importlib.import_module({name!r} + ".runners.inside.hook").install({folder!r}, {start!r})
else:
    open({folder!r} + "/too-old", "w").close()
"""


@dataclass(frozen=True, slots=True)
class Run:
    """How a command ended, and what its processes have told, those that told nothing left out."""

    status: int
    told: tuple[str, ...]


def run_inside(command: Sequence[str], start: str, *, example: str, quiet: bool = False) -> Run:
    """Run a command with the user's own interpreter, arguments, input and output.

    `start` names the module of ours whose `start()` is called once a process has imported torch; it
    returns what gives the process's last words. `example` is the command of perflint that runs
    this; `quiet` sends the output to the standard error. Raises PerflintError where the command
    cannot be started.
    """
    program = shutil.which(command[0])
    if program is None:
        raise PerflintError(f"there is no command {command[0]!r}: {_hint(command, example)}")
    with tempfile.TemporaryDirectory(prefix="perflint-inside-") as name:
        folder = Path(name)
        (folder / "sitecustomize.py").write_text(
            _SITE.format(
                folder=name,
                name="_perflint_inside",
                init=str(_PACKAGE / "__init__.py"),
                package=str(_PACKAGE),
                start=start,
            )
        )
        status = _run([program, *command[1:]], environment(os.environ, name), quiet)
        told = [file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.told"))]
        if not told and (folder / "too-old").exists():
            raise PerflintError("the command runs a Python older than 3.11")
    return Run(status, tuple(filter(None, told)))


def environment(given: Mapping[str, str], folder: str) -> dict[str, str]:
    """Return the environment of such a command."""
    paths = [folder, *filter(None, [given.get("PYTHONPATH")])]
    return {**given, "PYTHONPATH": os.pathsep.join(paths)}


def _run(command: Sequence[str], environment: Mapping[str, str], quiet: bool) -> int:
    process = subprocess.Popen(command, env=environment, stdout=2 if quiet else None)
    with process, _signals_to(process):
        status = process.wait()
    return status if status >= 0 else 128 - status


@contextlib.contextmanager
def _signals_to(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Let a signal end the script alone: what it has done by then is told.

    A terminal sends Ctrl-C to both; what is sent to perflint only is handed on.
    """

    def hand_on(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    for handed_on in (signal.SIGTERM, signal.SIGHUP):
        before[handed_on] = signal.signal(handed_on, hand_on)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _hint(command: Sequence[str], example: str) -> str:
    if command[0].endswith(".py"):
        return f"say which Python runs it, as in `{example} -- python {command[0]}`"
    return "write what you would type without perflint, behind `--`"
