"""A repository on GitHub: which pull requests a branch has, and what is in its history."""

from urllib.parse import quote

from ..handoff.origin import Candidate
from .client import Client, Subject
from .errors import GitHubError, NotFoundError


class Repository:
    """One repository, named OWNER/NAME."""

    def __init__(self, name: str, client: Client) -> None:
        self.name = name
        self.client = client
        self._path = f"/repos/{name}"

    def open_pulls_of(self, owner: str, branch: str) -> list[Candidate]:
        """List the open pull requests of a branch of somebody's repository."""
        about = Subject(self.name, "pull requests of", "pull-requests")
        head = quote(f"{owner}:{branch}", safe="")
        found: list[Candidate] = []
        for page in self.client.pages(f"{self._path}/pulls?state=open&head={head}", about=about):
            if not isinstance(page, list):
                raise GitHubError(f"what GitHub answers for {self.name} are no pull requests")
            found += [_candidate(one) for one in page]
        return found

    def open_pull(self, number: int) -> Candidate | None:
        """Ask for one pull request; None where it is not there or not open."""
        about = Subject(f"pull request {self.name}#{number}", "facts of", "pull-requests")
        try:
            content = self.client.ask("GET", f"{self._path}/pulls/{number}", about=about).content
        except NotFoundError:
            return None
        is_open = isinstance(content, dict) and content.get("state") == "open"
        return _candidate(content) if is_open else None

    def is_in_history(self, commit: str, branch: str) -> bool:
        """Whether a commit, given by its full hash, is in the history of a branch."""
        about = Subject(f"commit {commit[:12]} in {self.name}", "history of", "contents")
        path = f"{self._path}/compare/{commit}...{quote(branch, safe='')}?per_page=1"
        try:
            content = self.client.ask("GET", path, about=about).content
        except NotFoundError:
            return False
        return isinstance(content, dict) and content.get("status") in ("ahead", "identical")


def _candidate(content: object) -> Candidate:
    match content:
        case {
            "number": int(number),
            "head": {"sha": str(head), **of_head},
            "base": {"ref": str(branch), "repo": {"id": int(place)}},
        }:
            fork = of_head.get("repo")
            # None where the fork is gone.
            fork_id = fork.get("id") if isinstance(fork, dict) else None
            return Candidate(number, head, fork_id, place, branch)
    raise GitHubError("what GitHub answers is no pull request")
