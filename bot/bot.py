"""`perflint bot`: the commands of the bot that serves many pull requests."""

from importlib import import_module

from .. import PerflintError

_MODULES = {
    "command": ".commands.cli",
    "publish": ".handoff.publish_run",
    "serve": ".server.serve",
    "queue": ".server.queue_command",
}

HELP = """\
usage: perflint bot COMMAND [OPTIONS]

  command   obey the commands of a pull request's comment, in a workflow on `issue_comment`
  publish   tell a pull request about a run on its code, in a workflow on `workflow_run`
  serve     run the GitHub App: take webhooks and tell pull requests
  queue     show the jobs that the server has given up, and put them back

`perflint bot COMMAND --help` tells more, also what its exit status means.
"""


def main(words: list[str]) -> int:
    """Run the command that the first word names, and return its exit status."""
    if words[:1] in ([], ["--help"], ["-h"]):
        print(HELP, end="")
        return 0 if words else 2
    if words[0] not in _MODULES:
        known = ", ".join(_MODULES)
        raise PerflintError(f"there is no command `perflint bot {words[0]}`: there are {known}")
    status: int = import_module(_MODULES[words[0]], __package__).main(words[1:])
    return status
