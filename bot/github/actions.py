"""Runs of workflows on GitHub: what they are, what they hand over; starts, ends, repeats them."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from ..workflow import Artifact, Place, Review, WorkflowJob, WorkflowRun
from .client import Client, Subject
from .download import Downloads
from .errors import GitHubError, NotAllowedError, NotFoundError, RefusedError, UnavailableError

_TRIES = 3


class Actions:
    """The workflows of one repository, named OWNER/NAME."""

    def __init__(self, repository: str, client: Client, downloads: Downloads | None = None) -> None:
        self.repository = repository
        self.client = client
        self._downloads = downloads or Downloads(client.api_url)
        self._path = f"/repos/{repository}/actions"

    def run(self, number: int) -> WorkflowRun:
        """Ask what a run is now; of several attempts, the last."""
        about = self._about(f"run {number}")
        path = f"{self._path}/runs/{number}?exclude_pull_requests=true"
        return _run(self.client.ask("GET", path, about=about).content)

    def runs(self, *, head: str = "", event: str = "", status: str = "") -> list[WorkflowRun]:
        """List the runs on a commit, newest first; `event` and `status` keep only such."""
        asked = {"head_sha": head, "event": event, "status": status}
        query = urlencode({name: value for name, value in asked.items() if value})
        path = f"{self._path}/runs?{query}" if query else f"{self._path}/runs"
        about = self._about(f"the runs of {self.repository}")
        return [_run(one) for one in self._listed(path, "workflow_runs", about)]

    def reviews(self, run: int) -> list[Review]:
        """Ask what the reviewers of environments said of a run, all its attempts together."""
        about = self._about(f"run {run}", "reviews of")
        found = self.client.ask("GET", f"{self._path}/runs/{run}/approvals", about=about).content
        if not isinstance(found, list):
            raise GitHubError(f"what GitHub answers for the reviews of run {run} is no list")
        return [_review(one) for one in found]

    def jobs(self, run: WorkflowRun) -> list[WorkflowJob]:
        """List the jobs of this attempt at a run; those that wait for others come later."""
        about = self._about(f"run {run.id}", "jobs of")
        path = f"{self._path}/runs/{run.id}/attempts/{run.attempt}/jobs"
        return [_job(one) for one in self._listed(path, "jobs", about)]

    def artifacts(self, run: int, name: str) -> list[Artifact]:
        """List what a run, all its attempts, handed over under this name, the newest last."""
        about = self._about(f"run {run}", "artifacts of")
        path = f"{self._path}/runs/{run}/artifacts?name={quote(name, safe='')}"
        found = [_artifact(one) for one in self._listed(path, "artifacts", about)]
        # Also where a server knows no `name` here.
        return sorted((one for one in found if one.name == name), key=lambda one: one.id)

    def download(self, artifact: Artifact, *, largest: int) -> bytes:
        """Return the archive of an artifact, of at most `largest` bytes, held in memory.

        GitHub keeps it on another host, which never sees the token. Raises RefusedError where the
        archive is larger or not what GitHub has recorded, NotAllowedError where that host is none
        of GitHub's.
        """
        about = self._about(f"artifact {artifact.id}", "content of")
        path = f"{self._path}/artifacts/{artifact.id}/zip"
        if artifact.size > largest:
            raise RefusedError(
                f"artifact {artifact.id} has {artifact.size:,} bytes, and {largest:,} are allowed"
            )
        for attempt in range(_TRIES):
            # Asked for each time: the address is good for a minute.
            answer = self.client.ask("GET", path, about=about, elsewhere=True)
            try:
                raw = self._downloads.fetch(answer.headers.get("location", ""), largest=largest)
                break
            except UnavailableError as error:
                if attempt + 1 == _TRIES:
                    raise
                self.client.wait(2.0**attempt, error)
        told = artifact.digest.removeprefix("sha256:")
        if told != artifact.digest and told != hashlib.sha256(raw).hexdigest():
            raise RefusedError(f"artifact {artifact.id} is not what GitHub has recorded of it")
        return raw

    def has_workflow(self, workflow: str) -> bool:
        """Whether the repository has a workflow, given by its file's name, that is not disabled."""
        path = f"{self._path}/workflows/{quote(workflow, safe='')}"
        about = self._about(f"workflow {workflow}")
        try:
            content = self.client.ask("GET", path, about=about).content
        except NotFoundError:
            return False
        return isinstance(content, dict) and content.get("state") == "active"

    def dispatch(self, workflow: str, ref: str, inputs: Mapping[str, str]) -> int | None:
        """Start a workflow, given by its file's name, on a branch; return the run's number.

        None where the server is too old to tell it. Raises UnclearError where GitHub failed and may
        have started it: look for a run of it first.
        """
        path = f"{self._path}/workflows/{quote(workflow, safe='')}/dispatches"
        content = {"ref": ref, "inputs": dict(inputs)}
        about = self._about(f"workflow {workflow}", "runs of")
        match self.client.ask("POST", path, content, about=about).content:
            case {"workflow_run_id": int(number)}:
                return number
        return None

    def cancel(self, run: int) -> bool:
        """End a run; False where it had ended already."""
        path = f"{self._path}/runs/{run}/cancel"
        try:
            self.client.ask("POST", path, about=self._about(f"run {run}"), harmless=True)
        except (NotAllowedError, UnavailableError):
            raise
        except GitHubError:
            # 409: it has ended, or has not begun yet.
            if self.run(run).is_over:
                return False
            raise
        return True

    def rerun(self, run: int) -> None:
        """Repeat a run as a new attempt. Raises UnclearError where GitHub failed and may have."""
        self.client.ask("POST", f"{self._path}/runs/{run}/rerun", about=self._about(f"run {run}"))

    def _listed(self, path: str, key: str, about: Subject) -> list[object]:
        found: list[object] = []
        for page in self.client.pages(path, about=about):
            match page:
                case {**parts} if isinstance(listed := parts.get(key), list):
                    found += listed
                case _:
                    raise GitHubError(f"what GitHub answers for {about.name} is no list of {key}")
        return found

    @staticmethod
    def _about(name: str, things: str = "facts of") -> Subject:
        return Subject(name, things, "actions")


def _run(content: object) -> WorkflowRun:
    match content:
        case {
            "id": int(number),
            "event": str(event),
            "path": str(path),
            "head_sha": str(head),
            "repository": {"id": int(place), "full_name": str(name)},
            **rest,
        }:
            return WorkflowRun(
                id=number,
                attempt=_number(rest.get("run_attempt"), 1),
                event=event,
                # GitHub adds "@refs/heads/main" where the file is not that of the head.
                path=path.partition("@")[0],
                status=str(rest.get("status") or ""),
                conclusion=_word(rest.get("conclusion")),
                head=head,
                branch=_word(rest.get("head_branch")) or "",
                place=Place(place, name),
                head_place=_place(rest.get("head_repository")),
                title=_word(rest.get("display_title")) or "",
                began=_moment(rest.get("run_started_at")),
            )
    raise GitHubError("what GitHub answers is no run of a workflow")


def _job(content: object) -> WorkflowJob:
    match content:
        case {"name": str(name), "status": str(status), "labels": list(labels)}:
            return WorkflowJob(name, status, tuple(one for one in labels if isinstance(one, str)))
    raise GitHubError("what GitHub answers is no job of a run")


def _review(content: object) -> Review:
    match content:
        case {"state": str(state), "environments": list(environments)}:
            names = (one.get("name") for one in environments if isinstance(one, dict))
            return Review(state, tuple(name for name in names if isinstance(name, str)))
    raise GitHubError("what GitHub answers is no review of a run")


def _artifact(content: object) -> Artifact:
    match content:
        case {"id": int(number), "name": str(name), "size_in_bytes": int(size), **rest}:
            digest = _word(rest.get("digest")) or ""
            expired, created = rest.get("expired") is True, _moment(rest.get("created_at"))
            return Artifact(number, name, size, expired, digest, created)
    raise GitHubError("what GitHub answers is no artifact")


def _place(content: object) -> Place | None:
    match content:
        case {"id": int(number), "full_name": str(name)}:
            return Place(number, name)
    return None


def _number(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _moment(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found
