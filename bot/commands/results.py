"""What our comment tells and what of it was accepted, read and told through the comment itself."""

from dataclasses import dataclass, field

from ..acks import Ack
from ..github.errors import NotFoundError
from ..github.pull_request import PullRequest
from ..handoff.publisher import Publisher, Result
from ..publish import finished
from ..report import Report
from ..state import Stage, State
from ..sticky import ours


@dataclass(slots=True)
class PublishedResults:
    """The `Results` of one pull request; a report is fetched once."""

    pull_request: PullRequest
    publisher: Publisher
    _results: dict[int, Result | None] = field(default_factory=dict)

    def report(self, pull: int) -> Report | None:
        """Fetch the report that the comment tells, checked as when it was told."""
        result = self._result()
        return result.report if result else None

    def acks(self, pull: int) -> tuple[Ack, ...]:
        """Read what the comment remembers."""
        return self._state().acks

    def accept(self, pull: int, acks: tuple[Ack, ...]) -> None:
        """Tell the same report with these. Raises GitHubError where that cannot be done.

        NotFoundError where there is no report to tell, as while a measurement is under way.
        """
        result = self._result()
        if result is None:
            raise NotFoundError(
                "the result that this is about cannot be had: say it again once a measurement of "
                "the head has ended"
            )
        told = finished(self.pull_request, result.report, acks, files=result.files)
        if told.failures:
            raise told.failures[0]

    def _result(self) -> Result | None:
        state = self._state()
        if state.run is None or state.stage is not Stage.FINISHED:
            return None
        if state.run not in self._results:
            self._results[state.run] = self.publisher.result_of(state.run)
        return self._results[state.run]

    def _state(self) -> State:
        me, key = self.pull_request.client.me(), self.pull_request.target.key
        mine = ours(self.pull_request.comments(), me, key)
        return mine[-1][0] if mine else State()
