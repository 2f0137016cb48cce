"""The command `perflint validate-config`, and `perflint check --show-settings`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from .. import PerflintError
from .config import LintConfig
from .options import new_parser


def run_validate(words: list[str]) -> int:
    """Name every mistake in the configurations at, above and below the paths."""
    parser = new_parser(
        "validate-config",
        "Name all mistakes in [tool.perflint.lints], of nested projects too, and check no code.",
        "examples:\n  perflint validate-config\n  perflint validate-config services/trainer\n\n"
        "exit status: 0, or 2 where there is a mistake",
    )
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="files and folders; none means here"
    )
    options = parser.parse_args(words)
    from .outcome import counted
    from .validate import configurations, mistakes_in

    folders = configurations(options.paths or [Path.cwd()])
    mistakes = [mistake for folder in folders for mistake in mistakes_in(folder)]
    for mistake in mistakes:
        print(f"perflint: {mistake}", file=sys.stderr)
    inside = f"in {counted(len(folders), 'configuration')}"
    print(f"{counted(len(mistakes), 'mistake') if mistakes else 'no mistakes'} {inside}")
    return 2 if mistakes else 0


def show(paths: Sequence[Path], config: LintConfig) -> int:
    """Show what holds for each path. Raises PerflintError for a path that does not exist."""
    from .settings import Settings
    from .show_settings import as_text

    settings = Settings(config)
    for path in paths:
        if not path.exists():
            raise PerflintError(f"{path} does not exist: give files or folders that do")
        sys.stdout.write(as_text(settings, path))
    return 0
