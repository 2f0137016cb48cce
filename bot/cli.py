"""Commands that need several rooms: `ci`, `compare`, `comment`, `history`, `init` and more."""

from importlib import import_module

from .. import PerflintError

# What the extras of `pip install torch-perflint[...]` bring.
_EXTRAS = {
    "github",
    "jinja2",
    "jwt",
    "markdown_it",
    "msgspec",
    "numpy",
    "prometheus_client",
    "pytest",
    "sqlalchemy",
    "uvicorn",
}


def run(command: str, words: list[str]) -> int:
    """Hand the command's words to its module and return the exit status."""
    try:
        # Each command sits in the module of its name, so that one never wakes what another needs.
        module = import_module(f".{command.replace('-', '_')}", __package__)
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        raise PerflintError(
            f"`perflint {command}` needs {error.name}, which is not installed: "
            "pip install 'torch-perflint[all]'"
        ) from error
    status: int = module.main(words)
    return status
