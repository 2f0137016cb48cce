"""The commands `perflint lsp` and `perflint completion`."""

import sys

from .. import PerflintError
from .options import new_parser


def run_lsp(words: list[str]) -> int:
    """Serve an editor over the standard streams."""
    new_parser(
        "lsp",
        "Show findings in an editor: a language server on the standard input and output.",
        "Editors start it; docs/editors.md says how to tell them.\n\n"
        "exit status: 0 when the editor has said goodbye, 2 where pygls is missing",
    ).parse_args(words)
    try:
        from .editor.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise PerflintError(
            f"`perflint lsp` needs {error.name}: pip install 'torch-perflint[lsp]'"
        ) from error
    serve()
    return 0


def run_completion(words: list[str]) -> int:
    """Print a shell's completion script."""
    from .completion import SHELLS, script

    parser = new_parser(
        "completion",
        "Print the script that completes perflint's commands, options and rules in a shell.",
        "examples:\n"
        "  perflint completion bash > ~/.local/share/bash-completion/completions/perflint\n"
        "  perflint completion zsh > ~/.zfunc/_perflint       # a folder of $fpath\n"
        "  perflint completion fish > ~/.config/fish/completions/perflint.fish\n\n"
        "exit status: 0",
    )
    parser.add_argument("shell", choices=sorted(SHELLS), metavar="SHELL", help="bash, zsh or fish")
    sys.stdout.write(script(parser.parse_args(words).shell))
    return 0
