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

    def pulls_of(self, owner: str, branch: str, state: str = "open") -> list[Candidate]:
        """List the pull requests of a branch of somebody's repository, `open` or `closed` ones."""
        about = Subject(self.name, "pull requests of", "pull-requests")
        head = quote(f"{owner}:{branch}", safe="")
        path = f"{self._path}/pulls?state={state}&head={head}"
        found: list[Candidate] = []
        for page in self.client.pages(path, about=about):
            if not isinstance(page, list):
                raise GitHubError(f"what GitHub answers for {self.name} are no pull requests")
            found += [_candidate(one) for one in page]
        return found

    def pull(self, number: int) -> Candidate | None:
        """Ask for one pull request; None where it is not there."""
        about = Subject(f"pull request {self.name}#{number}", "facts of", "pull-requests")
        try:
            content = self.client.ask("GET", f"{self._path}/pulls/{number}", about=about).content
        except NotFoundError:
            return None
        return _candidate(content)

    def open_pulls_at(self, head: str) -> list[int]:
        """List the open pull requests whose head is this commit."""
        about = Subject(f"{self.name}@{head[:7]}", "pull requests of", "pull-requests")
        found: list[Candidate] = []
        for page in self.client.pages(f"{self._path}/commits/{head}/pulls", about=about):
            if not isinstance(page, list):
                raise GitHubError(f"what GitHub answers for {self.name} are no pull requests")
            found += [_candidate(one) for one in page]
        return [one.number for one in found if one.is_open and one.head == head]

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
            **rest,
        }:
            fork = of_head.get("repo")
            # None where the fork is gone.
            fork_id = fork.get("id") if isinstance(fork, dict) else None
            is_open = rest.get("state") == "open"
            return Candidate(number, head, fork_id, place, branch, is_open)
    raise GitHubError("what GitHub answers is no pull request")
