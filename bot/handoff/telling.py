"""What a pull request is told about a run: the one place that knows how it is told."""

from pathlib import Path

from ..github.errors import GitHubError
from ..github.pull_request import PullRequest
from ..interim import Running, Waiting, render_running, render_waiting
from ..links import Links
from ..markdown import code, prose
from ..post import NotPosted, Posted, post_comment, state_of
from ..render import render_comment
from ..report import Report, Revision, RunLink
from ..sticky import State
from ..summary import append_summary

Told = Posted | NotPosted


class Telling:
    """Tells one pull request; where it cannot be told, the job summary gets the same Markdown."""

    def __init__(self, pull: PullRequest, summary: Path | None) -> None:
        self._pull = pull
        self._summary = summary

    def started(self, head: Revision, link: RunLink) -> Told:
        """Say that a run has begun."""
        return self._tell(render_running(Running(head, link=link)), _state(head, link))

    def waiting(self, head: Revision, link: RunLink) -> Told:
        """Say that a run waits until a maintainer allows it."""
        return self._tell(render_waiting(Waiting(head, link=link)), _state(head, link))

    def finished(self, report: Report) -> Told:
        """Tell the result of a run."""
        return self._tell(render_comment(report), state_of(report))

    def ended_without_result(self, head: Revision, link: RunLink, why: str) -> Told:
        """Say that a run is over and has no result, and why: a sentence, perhaps a stranger's."""
        page = Links.to(link, head).run_page()
        body = (
            f"### ⚠️ perflint: the run on {code(head.short)} ended without a result\n\n"
            f"{prose(why)}\n" + (f"\n<sub>{page}</sub>\n" if page else "")
        )
        return self._tell(body, _state(head, link))

    def _tell(self, body: str, state: State) -> Told:
        try:
            return post_comment(body, self._pull, state)
        except GitHubError as error:
            if self._summary is None:
                return NotPosted(str(error))
            problem = append_summary(self._summary, body)
            return NotPosted(f"{error}{problem}", in_summary=not problem)


def _state(head: Revision, link: RunLink) -> State:
    return State(head.sha, "", link.run_id, link.attempt)
