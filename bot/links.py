"""Addresses on GitHub, built by us alone from parts that are checked first."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from .markdown import code
from .report import Report, Revision, RunLink

# A longer path is shown without a link: the comment has a limited length.
LONGEST_PATH = 300

_SERVER = re.compile(r"https://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
_REPOSITORY = re.compile(r"[A-Za-z0-9-]{1,40}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Links:
    """Where things are on the server: `root` is None where the run has no page to link to."""

    root: str | None
    head: Revision
    run: RunLink | None

    @classmethod
    def of(cls, report: Report) -> "Links":
        """What can be linked in this report."""
        return cls.to(report.link, report.head)

    @classmethod
    def to(cls, link: RunLink | None, head: Revision) -> "Links":
        """Links only where server and repository look like what they claim to be."""
        root = None if link is None else _root(link.server, link.repository)
        return cls(root, head, link if root else None)

    @classmethod
    def at(cls, server: str, repository: str, head: Revision) -> "Links":
        """What can be linked of a repository where there is no run."""
        return cls(_root(server, repository), head, None)

    def place(self, path: str, line: int, *, limit: int = 60, in_table: bool = False) -> str:
        """`path:line` in head, linked where head is a commit on the server."""
        # The line's number must survive, so the path is cut first.
        digits = len(f":{line}")
        kept = path.strip()
        if len(kept) + digits > limit:
            kept = "…" + kept[len(kept) + digits - limit + 1 :]
        label = code(f"{kept}:{line}", limit, in_table=in_table)
        parts = path.split("/")
        if not self._has_commit(self.head) or any(part in ("", ".", "..") for part in parts):
            return label
        at = "/".join(quote(part, safe="", errors="replace") for part in parts)
        if len(at) > LONGEST_PATH:
            return label
        return f"[{label}]({self.root}/blob/{self.head.sha}/{at}#L{line})"

    def commit(self, revision: Revision) -> str:
        """A revision as people read it, linked where it is a commit on the server."""
        label = code(revision.short)
        if not self._has_commit(revision):
            return label
        return f"[{label}]({self.root}/commit/{revision.sha})"

    def run_page(self) -> str | None:
        """The page of the CI run, None where there is none."""
        if self.root is None or self.run is None:
            return None
        return f"[run {self.run.run_id}]({self.root}/actions/runs/{self.run.run_id})"

    def _has_commit(self, revision: Revision) -> bool:
        known = self.root is not None and not revision.snapshot
        return known and _COMMIT.fullmatch(revision.sha) is not None


def _root(server: str, repository: str) -> str | None:
    server = server.rstrip("/")
    known = _SERVER.fullmatch(server) and _REPOSITORY.fullmatch(repository)
    return f"{server}/{repository}" if known else None
