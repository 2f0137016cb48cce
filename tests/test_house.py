"""The house rules: who may import whom, and what stays asleep until it is needed."""

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS_BELOW = {
    "lints": {"lints"},
    "runners": {"runners"},
    "telemetry": {"telemetry", "runners", "templates"},
    "bot": {"bot", "lints", "runners", "telemetry", "templates"},
    "templates": set(),
}
HOMES_OF = {
    "libcst": ("lints/*.py", "lints/rules/*.py"),
    "pygls": ("lints/editor/server.py",),
    "lsprotocol": ("lints/editor/*.py",),
    "numpy": (
        "runners/verdict/stats.py",
        "runners/verdict/judge.py",
        "runners/verdict/sequence.py",
        "runners/profiling/attribution.py",
        "runners/profiling/events.py",
        "runners/profiling/host.py",
        "runners/profiling/marked_lines.py",
        "runners/profiling/nesting.py",
        "runners/profiling/owners.py",
        "telemetry/changes.py",
        "telemetry/look.py",
        "telemetry/noise.py",
        "telemetry/scan.py",
        "telemetry/sizes.py",
        "telemetry/window.py",
    ),
    "torch": ("runners/*/torch_*.py",),
    "pynvml": ("runners/gpu/nvml.py",),
    "pytest": ("runners/processes/pytest_*.py",),
    "jinja2": ("templates/__init__.py",),
    "msgspec": ("bot/report.py",),
    "github": ("bot/github/client.py",),
    "requests": ("bot/github/client.py", "bot/github/download.py"),
    "urllib3": ("bot/github/download.py",),
    "markdown_it": ("bot/commands/parse.py",),
    "jwt": ("bot/github/app.py",),
    "uvicorn": ("bot/server/serve.py",),
    "prometheus_client": ("bot/server/metrics.py",),
    "sqlalchemy": ("telemetry/*.py", "telemetry/migrations/versions/*.py"),
    "pyarrow": ("telemetry/exports/parquet.py",),
    "opentelemetry": ("telemetry/exports/otlp.py",),
    "alembic": (
        "telemetry/upgrade.py",
        "telemetry/migrations/*.py",
        "telemetry/migrations/versions/*.py",
    ),
}
# `perf.device` asks PyTorch in the fixture that a perf test calls, long after start-up.
# A worker seeds the NumPy that the user's own code is going to import.
EXCEPTIONS = {
    ("runners/processes/pytest_plugin.py", "torch"),
    ("runners/processes/seeds.py", "numpy"),
}
HEAVY = {
    "libcst",
    "pygls",
    "lsprotocol",
    "numpy",
    "jinja2",
    "github",
    "markdown_it",
    "jwt",
    "uvicorn",
    "prometheus_client",
    "sqlalchemy",
    "torch",
    "msgspec",
    "pynvml",
    "pyarrow",
    "opentelemetry",
}
FILES = [file.relative_to(ROOT) for room in ROOMS_BELOW for file in (ROOT / room).rglob("*.py")]


def _imports(source: str) -> Iterator[tuple[int, str]]:
    """Each import as (number of leading dots, first name)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.level, (node.module or a.name).split(".")[0]) for a in node.names)


def _upward(source: str, file: Path) -> set[str]:
    """Rooms that the file imports without being allowed to."""
    other_rooms = {name for dots, name in _imports(source) if dots == len(file.parts)}
    return other_rooms - {"PerflintError", "__version__"} - ROOMS_BELOW[file.parts[0]]


def _astray(source: str, file: Path) -> set[str]:
    """Outside packages that the file imports though their home is elsewhere."""
    outside = {name for dots, name in _imports(source) if dots == 0 and name in HOMES_OF}
    return {
        name
        for name in outside
        if not any(file.match(home) for home in HOMES_OF[name])
        and (file.as_posix(), name) not in EXCEPTIONS
    }


def test_every_package_is_shipped() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {file.parent for file in FILES if file.name == "__init__.py"}
    here = {"torch_perflint", *(".".join(("torch_perflint", *f.parts)) for f in folders)}
    assert set(project["tool"]["setuptools"]["packages"]) == here


def test_no_module_lies_at_the_root() -> None:
    assert {file.name for file in ROOT.glob("*.py")} == {"__init__.py", "__main__.py"}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_rooms_import_only_downwards(file: Path) -> None:
    assert _upward((ROOT / file).read_text(encoding="utf-8"), file) == set()


def test_an_upward_import_would_be_seen() -> None:
    assert _upward("from ..bot.report import Report", Path("lints/engine.py")) == {"bot"}
    assert _upward("from ...runners import run", Path("lints/rules/x.py")) == {"runners"}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_each_outside_package_has_one_home(file: Path) -> None:
    assert _astray((ROOT / file).read_text(encoding="utf-8"), file) == set()


def test_a_package_away_from_home_would_be_seen() -> None:
    assert _astray("import torch.nn as nn", Path("runners/run.py")) == {"torch"}
    assert _astray("def f():\n    from github import Github", Path("bot/ci.py")) == {"github"}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_imports_inside_the_package_are_relative(file: Path) -> None:
    absolute = {n for dots, n in _imports((ROOT / file).read_text(encoding="utf-8")) if not dots}
    assert "torch_perflint" not in absolute


@pytest.mark.parametrize(
    ("module", "asleep"),
    [
        ("__main__", {*HEAVY, "dataclasses", "importlib.metadata", "argparse"}),
        ("lints.cli", {*HEAVY, "argparse", "dataclasses", "pathlib", "re", "typing"}),
        ("lints.editor_cli", HEAVY),
        ("lints.watch", HEAVY),
        ("lints.notebooks", HEAVY),
        ("lints.engine", HEAVY - {"libcst"}),
        ("runners.cli", HEAVY),
        ("runners.verdict.compare", HEAVY),
        ("runners.machine.doctor_cli", HEAVY),
        ("runners.gpu.nvml", HEAVY),
        ("runners.tracing.trace_cli", HEAVY),
        ("runners.inside.hook", HEAVY),
        ("runners.verdict.judge", HEAVY - {"numpy"}),
        ("runners.run", HEAVY - {"numpy"}),
        ("runners.processes.pytest_plugin", HEAVY),
        ("bot.report", HEAVY - {"msgspec"}),
        ("bot.sticky", HEAVY - {"msgspec"}),
        ("bot.cli", HEAVY),
        ("bot.bot", HEAVY),
        ("bot.workflow", HEAVY),
        ("bot.init", HEAVY - {"jinja2"}),
        ("bot.handoff.archive", HEAVY - {"msgspec"}),
        ("bot.handoff.origin", HEAVY - {"msgspec"}),
        ("bot.acks", HEAVY - {"msgspec"}),
        ("bot.commands.decide", HEAVY - {"msgspec"}),
        ("bot.server.events", HEAVY - {"msgspec"}),
        ("bot.server.queue_command", HEAVY - {"msgspec"}),
        ("telemetry.record", HEAVY),
        ("telemetry.exports.openmetrics", HEAVY),
        ("telemetry.exports.pytest_benchmark", HEAVY),
        ("telemetry.imports.asv", HEAVY),
        ("telemetry.changes", HEAVY - {"numpy"}),
    ],
)
def test_importing_wakes_no_more_than_needed(module: str, asleep: set[str]) -> None:
    code = f"import sys; sys.modules.pop('pytest', None); import torch_perflint.{module}; "
    loaded = subprocess.check_output(
        [sys.executable, "-c", code + "print(*sys.modules)"], text=True
    )
    assert not asleep & set(loaded.split())


def test_a_plain_pytest_run_wakes_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\n"
        f"def test_plain(): assert not {HEAVY!r} & set(sys.modules)\n"
        "def test_the_plug_in_is_there(request):\n"
        "    assert request.config.pluginmanager.hasplugin('perflint')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("command", "missing"),
    [("bench", "numpy"), ("ci", "numpy"), ("ci", "jinja2"), ("comment", "msgspec")],
)
def test_a_missing_extra_is_a_clear_message(command: str, missing: str, tmp_path: Path) -> None:
    # A module set to None is one that Python takes for missing.
    code = (
        f"import sys; sys.modules[{missing!r}] = None; from torch_perflint.__main__ import main; "
    )
    words = {"bench": ["--base", "x"], "ci": ["--base", "x"], "comment": ["report.json"]}[command]
    done = subprocess.run(
        [sys.executable, "-c", code + f"sys.exit(main([{command!r}, *{words!r}]))"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "GITHUB_TOKEN": "none"},
    )
    assert done.returncode == 2
    assert f"needs {missing}" in done.stderr
    assert "Traceback" not in done.stderr
