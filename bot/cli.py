"""The bot's commands: `perflint ci`, `comment`, `history` and `demo`."""

from importlib import import_module


def run(command: str, words: list[str]) -> int:
    """Hand the command's words to its module and return the exit status."""
    # Each command sits in the module of its name, so that `history` never wakes the measuring side.
    status: int = import_module(f".{command}", __package__).main(words)
    return status
