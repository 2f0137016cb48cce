"""What `perflint init` writes, in each of its forms."""

from pathlib import Path
from typing import Any

import yaml
from torch_perflint.bot.setup.choices import Choices
from torch_perflint.bot.setup.files import files
from torch_perflint.bot.setup.source import Action, read_lock

ROOT = Path(__file__).parents[3]
ACTION = Action("acme/perflint", "1" * 40, "v0.1.0")
LOCK = read_lock(
    f"torch-perflint[bot]==0.1.0 --hash=sha256:{'a' * 64}\n"
    f"libcst==1.9.0 ; python_version < '4' \\\n    --hash=sha256:{'b' * 64}\n",
    "locked.txt",
)
GPU = ("self-hosted", "perflint-gpu")
INSTALL = "python -m pip install --requirement requirements.txt"
FORMS = {
    "action": Choices(ACTION, install=INSTALL),
    "gpu": Choices(
        ACTION, runner=GPU, python="", install='make && echo "a: b"', command_branch="perf/lint"
    ),
    "by-command": Choices(ACTION, runner=GPU, by_command=True, install=INSTALL),
    "lock": Choices(
        LOCK,
        artifact_host="files.example:8443 more.example",
        install=INSTALL,
        command_branch="perf/lint",
    ),
    "lock-by-command": Choices(LOCK, by_command=True, install=INSTALL),
}
APP = {"app": Choices(ACTION, runner=GPU, by_app=True, install=INSTALL)}
NAMES = ("perflint.yml", "perflint-measure.yml", "perflint-report.yml", "perflint-command.yml")


def lay_out(form: str, root: Path) -> Path:
    """Write the files of a form into a folder."""
    for wanted in files((FORMS | APP)[form]):
        target = root / wanted.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(wanted.text, encoding="utf-8")
    return root


def workflow(form: str, name: str) -> dict[str, Any]:
    """A workflow as YAML reads it; the key `on` is True to YAML 1.1."""
    [text] = [one.text for one in files(FORMS[form]) if one.path.name == name]
    return parse(text)


def parse(text: str) -> dict[str, Any]:
    found = yaml.safe_load(text)
    return {"on" if key is True else key: value for key, value in found.items()}


def steps(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in found["jobs"].values() for step in job["steps"]]
