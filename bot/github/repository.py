"""A repository on GitHub: which pull requests a branch has, and what is in its history."""

from collections.abc import Collection, Iterator
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
        for page in self._pages(path, about):
            # Asked for already, but a repository that was renamed does not hear it.
            here = [one for one in page if _branch(one) == branch]
            found += [one for one in map(_candidate, here) if one.is_open == (state == "open")]
        return found

    def pull(self, number: int) -> Candidate | None:
        """Ask for one pull request; None where it is not there."""
        about = Subject(f"pull request {self.name}#{number}", "facts of", "pull-requests")
        try:
            content = self.client.ask("GET", f"{self._path}/pulls/{number}", about=about).content
        except NotFoundError:
            return None
        return _candidate(content)

    def edits(self, number: int, paths: Collection[str]) -> frozenset[str]:
        """Which of these paths a pull request adds or edits; of more than 3,000 GitHub tells none.

        A page of a hundred is asked for at a time, and no more of them than it takes.
        """
        about = Subject(f"pull request {self.name}#{number}", "files of", "pull-requests")
        found: set[str] = set()
        for page in self._pages(f"{self._path}/pulls/{number}/files", about) if paths else ():
            found |= {name for name in map(_file_name, page) if name in paths}
            if len(found) == len(paths):
                break
        return frozenset(found)

    def open_pulls_at(self, head: str) -> list[int]:
        """List the open pull requests whose head is this commit."""
        about = Subject(f"{self.name}@{head[:7]}", "pull requests of", "pull-requests")
        found: list[Candidate] = []
        for page in self._pages(f"{self._path}/commits/{head}/pulls", about):
            found += [_candidate(one) for one in page]
        return [one.number for one in found if one.is_open and one.head == head]

    def orphans_at(self, head: str) -> list[Candidate]:
        """List the pull requests of forks that are gone whose head is this commit.

        Of a fork that is gone GitHub knows no owner, so that it cannot be asked for its branches;
        to delete one closes its pull requests, which are then among the hundred changed last.
        """
        about = Subject(self.name, "pull requests of", "pull-requests")
        path = f"{self._path}/pulls?state=all&sort=updated&direction=desc"
        found = [_candidate(one) for one in next(self._pages(path, about), [])]
        return [one for one in found if one.head == head and one.head_place is None]

    def is_in_history(self, commit: str, branch: str) -> bool:
        """Whether a commit, given by its full hash, is in the history of a branch."""
        about = Subject(f"commit {commit[:12]} in {self.name}", "history of", "contents")
        path = f"{self._path}/compare/{commit}...{quote(branch, safe='')}?per_page=1"
        try:
            content = self.client.ask("GET", path, about=about).content
        except NotFoundError:
            return False
        return isinstance(content, dict) and content.get("status") in ("ahead", "identical")

    def _pages(self, path: str, about: Subject) -> Iterator[list[object]]:
        for page in self.client.pages(path, about=about):
            if not isinstance(page, list):
                raise GitHubError(f"what GitHub answers as {about.things} {about.name} is no list")
            yield page


def _file_name(content: object) -> str:
    match content:
        case {"filename": str(name), "status": str(status)}:
            return "" if status == "removed" else name
    raise GitHubError("what GitHub answers is no file of a pull request")


def _branch(content: object) -> str:
    match content:
        case {"head": {"ref": str(branch)}}:
            return branch
    raise GitHubError("what GitHub answers is no pull request")


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
