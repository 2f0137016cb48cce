"""Where rules come from that are not ours: a project's own modules, and installed packages."""

import os
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

GROUP = "perflint.rules"
_METADATA = (".dist-info", ".egg-info")


def module_file(root: Path, module: str) -> Path | None:
    """Return the file of a local module or package, None where there is none."""
    place = root.joinpath(*module.split("."))
    for file in (place.with_name(place.name + ".py"), place / "__init__.py"):
        if file.is_file():
            return file
    return None


def local_files(root: Path, modules: Sequence[str]) -> tuple[Path, ...]:
    """Return the files that local rules may be made of: the modules, and what lies beside them."""
    found: set[Path] = set()
    for module in modules:
        file = module_file(root, module)
        if file is not None:
            around = file.parent.rglob("*.py") if file.name == "__init__.py" else [file]
            # A module at the root of a project has half of that project beside it.
            beside = [] if file.parent == root else file.parent.glob("*.py")
            found.update(around, beside)
    return tuple(sorted(found))


def stamp(root: Path, modules: Sequence[str]) -> str:
    """Return a text that changes whenever rules that are not ours may have changed.

    Cheap enough to ask for in every run: no file is opened and nothing is imported.
    """
    parts = [_state(file) for file in local_files(root, modules)]
    # Where perflint is called no packages are installed, but files come and go.
    folders = [folder for folder in sys.path if folder not in ("", os.getcwd())]
    return "\n".join([*parts, *(_state(Path(folder)) for folder in folders)])


@cache
def anyone_offers_rules() -> bool:
    """Whether an installed package names our entry points.

    Asking `importlib.metadata` costs more than linting a small project, and hardly anybody has
    such a package.
    """
    return any(_offers(Path(folder)) for folder in sys.path if folder)


def _offers(folder: Path) -> bool:
    try:
        names = [name for name in os.listdir(folder) if name.endswith(_METADATA)]
    except OSError:
        return False  # what cannot be listed offers Python no package either
    for name in names:
        try:
            if GROUP in (folder / name / "entry_points.txt").read_text("utf-8", "replace"):
                return True
        except OSError:
            continue  # most packages have no entry points
    return False


def _state(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return f"{path} is gone"
    return f"{path} {status.st_mtime_ns} {status.st_size}"
