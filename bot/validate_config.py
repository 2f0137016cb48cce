"""`perflint validate-config`: names all mistakes in the settings of every room."""

import sys
from pathlib import Path

from .. import PerflintError
from ..lints.options import new_parser
from ..lints.outcome import counted
from ..lints.validate import configurations, mistakes_in
from ..runners.config import mistakes_of, read_document


def main(words: list[str]) -> int:
    """Name every mistake in the configurations at, above and below the paths."""
    parser = new_parser(
        "validate-config",
        "Name all mistakes in [tool.perflint.lints] and [tool.perflint.runners], of nested\n"
        "projects too, and check no code.",
        "examples:\n  perflint validate-config\n  perflint validate-config services/trainer\n\n"
        "exit status: 0, or 2 where there is a mistake",
    )
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="files and folders; none means here"
    )
    options = parser.parse_args(words)
    folders = configurations(options.paths or [Path.cwd()])
    mistakes = [m for folder in folders for m in (*mistakes_in(folder), *_of_runs(folder))]
    for mistake in mistakes:
        print(f"perflint: {mistake}", file=sys.stderr)
    said = counted(len(mistakes), "mistake") if mistakes else "no mistakes"
    print(f"{said} in {counted(len(folders), 'configuration')}")
    return 2 if mistakes else 0


def _of_runs(folder: Path) -> list[str]:
    """Return what is wrong with the settings of runs; a file that cannot be read is told before."""
    try:
        found = mistakes_of(read_document(folder))
    except PerflintError:
        return []
    return [f"{folder / 'pyproject.toml'}: {mistake}" for mistake in found]
