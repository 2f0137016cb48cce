"""The check runs of a commit: reading, making and changing them."""

from dataclasses import dataclass
from urllib.parse import quote

from ..event import Target
from .client import Client, Subject
from .errors import GitHubError, UnclearError


@dataclass(frozen=True, slots=True)
class CheckRun:
    """A check run that stands on a commit; `annotations` is how many it has."""

    id: int
    external_id: str
    status: str
    conclusion: str | None
    title: str = ""
    summary: str = ""
    text: str = ""
    annotations: int = 0
    url: str = ""


class Checks:
    """The check runs on one commit of a repository."""

    def __init__(self, target: Target, head: str, client: Client) -> None:
        self.head = head
        self.client = client
        self._repository = f"/repos/{target.repository}"
        at = f"{target.repository}@{head[:7]}"
        self._about = Subject(at, "check runs on", "checks")

    def named(self, name: str) -> list[CheckRun]:
        """Read all check runs of this name, those of other apps too, the oldest first."""
        path = f"{self._repository}/commits/{self.head}/check-runs?filter=all"
        path += f"&check_name={quote(name, safe='')}"
        found: list[CheckRun] = []
        for page in self.client.pages(path, about=self._about):
            match page:
                case {"check_runs": list(runs)}:
                    found += [_check_run(one) for one in runs]
                case _:
                    raise GitHubError(f"what GitHub answers for {self._about.name} are no checks")
        return sorted(found, key=lambda run: run.id)

    def create(self, content: dict[str, object]) -> CheckRun:
        """Make a check run. Raises UnclearError where GitHub failed and may have made it."""
        path = f"{self._repository}/check-runs"
        content = {**content, "head_sha": self.head}
        answer = self.client.ask("POST", path, content, about=self._about, afresh=True)
        return _check_run(answer.content)

    def update(self, number: int, content: dict[str, object], *, appends: bool) -> CheckRun:
        """Change a check run; `appends` says that annotations are sent, which are added each time.

        Raises UnclearError where they may have been added.
        """
        path = f"{self._repository}/check-runs/{number}"
        answer = self.client.ask(
            "PATCH", path, content, about=self._about, harmless=not appends, afresh=appends
        )
        return _check_run(answer.content)


def _check_run(content: object) -> CheckRun:
    match content:
        case {"id": int(number), "status": str(status), "output": dict(output), **more}:
            conclusion, count = more.get("conclusion"), output.get("annotations_count")
            return CheckRun(
                number,
                str(more.get("external_id") or ""),
                status,
                conclusion if isinstance(conclusion, str) else None,
                str(output.get("title") or ""),
                str(output.get("summary") or ""),
                str(output.get("text") or ""),
                count if isinstance(count, int) else 0,
                str(more.get("html_url") or ""),
            )
    # GitHub accepted what we asked for, so that it may well have been done.
    raise UnclearError("what GitHub answers is no check run; try again later")
