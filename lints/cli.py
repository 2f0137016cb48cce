"""The linter's commands; what one of them needs is imported when it is called."""

from .again import recall


def run(command: str, words: list[str]) -> int:
    """Run one of the room's commands and return the exit status."""
    if command == "check":
        status = recall(words)
        if status is not None:
            return status
        from .check_cli import run_check

        return run_check(words)
    if command in ("lsp", "completion"):
        from .editor_cli import run_completion, run_lsp

        return {"lsp": run_lsp, "completion": run_completion}[command](words)
    from .rules_cli import run_explain, run_rules

    return {"rules": run_rules, "explain": run_explain}[command](words)
