"""The front door: reads which command is meant and hands over to one room."""

import os
import sys
from importlib import import_module

from . import PerflintError, __version__

# Which room answers each command. Nothing of a room is imported before its command is called.
ROOM_OF = {
    "check": "lints",
    "rules": "lints",
    "explain": "lints",
    "lsp": "lints",
    "completion": "lints",
    "bench": "runners",
    "doctor": "runners",
    "profile": "runners",
    "trace": "runners",
    "compare": "bot",
    "ci": "bot",
    "plan": "bot",
    "comment": "bot",
    "bot": "bot",
    "history": "bot",
    "bisect": "bot",
    "demo": "bot",
    "init": "bot",
    "validate-config": "bot",
}

HELP = """\
perflint makes training performance a standard that a pull request has to meet.

usage: perflint [COMMAND] [OPTIONS]      a bare path means `check`: perflint src/

read code
  check            lint training code for what makes a GPU wait
  rules            list the rules
  explain          show the page of one rule
  validate-config  name all mistakes in the configuration
  lsp              show findings in an editor (language server)
  completion       print the completion script of a shell

measure
  ci               the whole job for a change: lint, measure, profile, write the comment
  bisect           find the commit that changed a perf test, by measuring
  plan             say what `ci` would measure, and what the lint finds, without PyTorch
  bench            measure base and head of the perf tests; no lint, no comment
  compare          compare two stored reports
  profile          say where a step's time goes: parts, lines, operators, a page to look at
  trace            list where each step of a training script waits for the GPU; needs none
  doctor           say what makes this machine a bad judge, and which slowdowns it can catch

tell
  comment          post a report as the one comment of a pull request
  history          keep reports in SQLite or PostgreSQL; list, back up, tidy
  bot              tell pull requests about runs on strangers' code; run the GitHub App
  init             set up a repository: settings, a first perf test, workflows

try
  demo             make a small training repository with planted changes and run `ci` on it

options
  --version        print the version
  --help           this page; `perflint COMMAND --help` tells more

exit status: 0 fine, 1 something to look at, 2 perflint could not do its work, 3 refused,
4 refused by compare: stored reports from different machines or software
"""


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] in (["--version"], ["-V"], ["version"]):
        print(f"perflint {__version__}")
        return 0
    if not words or words[0] in ("--help", "-h") or words == ["help"]:
        print(HELP, end="")
        return 0
    if words[0] == "help" and words[1:2] and words[1] in ROOM_OF:
        words = [words[1], "--help"]
    try:
        return _run(words if words[0] in ROOM_OF else _meant(words))
    except PerflintError as error:
        print(f"perflint: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("perflint: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough, as in `perflint rules | head`.
        sys.stderr.close()
        return 1
    except Exception:  # ours to mend: told whole, with what to send us, and never as a finding
        _report_bug()
        return 2


def _meant(words: list[str]) -> list[str]:
    """Take a bare path for `check`, and a slip of the pen for what it is."""
    first = words[0]
    if not first.startswith("-") and not os.path.exists(first):
        import difflib

        near = difflib.get_close_matches(first, ROOM_OF, n=1)
        hint = f": did you mean `perflint {near[0]}`?" if near else " (see `perflint --help`)"
        raise PerflintError(f"there is no command and no path {first!r}{hint}")
    return ["check", *words]


def _run(words: list[str]) -> int:
    cli = import_module(f".{ROOM_OF[words[0]]}.cli", __package__)
    status: int = cli.run(words[0], words[1:])
    return status


def _report_bug() -> None:
    """Print the traceback with what an issue about it needs."""
    import platform
    import traceback

    traceback.print_exc()
    print(
        f"\nperflint: this is a bug in perflint {__version__} (Python {platform.python_version()}, "
        f"{platform.platform()}). Please report it with the lines above.",
        file=sys.stderr,
    )


if __name__ == "__main__":
    sys.exit(main())
