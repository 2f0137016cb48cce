"""Whatever GitHub does, and two runs at once: nothing comes twice, nothing is lost, all ends."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import github as pygithub
import pytest

pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from torch_perflint.bot.check import Conclusion
from torch_perflint.bot.gate import FailOn
from torch_perflint.bot.github.client import Answer, Client
from torch_perflint.bot.github.errors import GitHubError
from torch_perflint.bot.github.pull_request import PullRequest
from torch_perflint.bot.post import Action, Posted
from torch_perflint.bot.publish import Published
from torch_perflint.bot.state import Stage, State

from .conftest import Bot
from .lives import SAME, SLOWER, Life, findings, states
from .server import HEAD, NUMBER, WORKFLOW, Fault, serving

SECONDARY = "You have exceeded a secondary rate limit."
VERBS = st.sampled_from(["GET", "POST", "PATCH", "DELETE"])
PATHS = st.sampled_from(["", "/comments", "/check-runs", "/labels", "/pulls/"])
FAILING = st.builds(
    Fault,
    verb=VERBS,
    status=st.sampled_from([500, 502, 503]),
    after=st.booleans(),
    dropped=st.booleans(),
    path=PATHS,
)
LIMITED = st.builds(
    Fault,
    verb=VERBS,
    status=st.sampled_from([403, 429]),
    headers=st.sampled_from([{}, {"Retry-After": "3"}]),
    message=st.just(SECONDARY),
    path=PATHS,
)
TORN = st.builds(
    Fault,
    verb=VERBS,
    status=st.sampled_from([200, 201]),
    after=st.just(True),
    page=st.sampled_from([b'{"id": 1', b"", b"<html>Sign in</html>"]),
    path=PATHS,
)
SILENT = st.builds(Fault, verb=VERBS, silent=st.just(0.5), after=st.booleans(), path=PATHS)
# Silence costs real time, so that there is little of it.
SCRIPTS = st.one_of(
    *[st.lists(FAILING | LIMITED | TORN, max_size=5)] * 9,
    st.lists(FAILING | SILENT, min_size=1, max_size=2),
)
TIMEOUT_SECONDS = 0.4
RESULTS = st.sampled_from([SAME, SLOWER])


class Turns:
    """Says whose request is next, so that each interleaving can be had again."""

    def __init__(self, order: list[int]) -> None:
        self._order = order
        self._done: set[int] = set()
        self._changed = threading.Condition()

    def take(self, who: int) -> None:
        """Wait until it is one's turn; nobody waits for one who has nothing more to ask."""
        with self._changed:
            self._changed.wait_for(lambda: self._next() in (None, who), timeout=20)
            if self._order and self._order[0] == who:
                del self._order[0]
            self._changed.notify_all()

    def leave(self, who: int) -> None:
        """Have nothing more to ask."""
        with self._changed:
            self._done.add(who)
            self._changed.notify_all()

    def _next(self) -> int | None:
        while self._order and self._order[0] in self._done:
            del self._order[0]
        return self._order[0] if self._order else None


class PatientClient(Client):
    """Ours, which here only remembers how long it would have slept."""

    turns: Turns | None = None
    who = 0

    def __init__(self, token: str, api_url: str, **more: Any) -> None:
        super().__init__(token, api_url, **more)
        # PyGithub takes whole seconds only.
        self._requester._Requester__timeout = TIMEOUT_SECONDS

    def _try(self, *words: Any, **more: Any) -> Any:
        if self.turns is not None:
            self.turns.take(self.who)
        return super()._try(*words, **more)


class _SleeplessRetry(pygithub.GithubRetry):
    def sleep(self, response: Any = None) -> None:
        pass


class DefaultClient(PatientClient):
    """The control: PyGithub's own retry, and nothing of ours."""

    def __init__(self, token: str, api_url: str, **more: Any) -> None:
        super().__init__(token, api_url, **more)
        self._requester = pygithub.Github(
            auth=pygithub.Auth.Token(token),
            base_url=api_url,
            retry=_SleeplessRetry(),
            seconds_between_requests=None,
            seconds_between_writes=None,
        ).requester

    def ask(self, verb: str, path: str, content: object = None, **more: Any) -> Answer:
        try:
            came = self._try(verb, path, content, more["about"], elsewhere=False)
        except pygithub.GithubException as error:
            raise GitHubError(str(error)) from error
        if isinstance(came, Answer):
            return came
        raise came[0]


class Lives(RuleBasedStateMachine):
    """One pull request, its pushes, and runs that tell about it through a GitHub that fails."""

    client: type[PatientClient] = PatientClient

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        self.github = self._open.enter_context(serving())
        self.runs = 800
        self.heads = [HEAD]
        self.lives = [self._new()]

    @rule()
    def push(self) -> None:
        self.heads.append(f"{len(self.heads):040x}")
        self.github.head = self.heads[-1]
        self.lives.append(self._new())

    @rule(faults=SCRIPTS)
    def start(self, faults: list[Fault]) -> None:
        life = self._new()
        self.lives.append(life)
        self._alone(life, lambda: life.start(), Stage.RUNNING, faults)

    @rule(faults=SCRIPTS, which=st.integers(0, 3))
    def look_ahead(self, faults: list[Fault], which: int) -> None:
        """Also one that comes late, when the run has its result."""
        life = self.lives[-1 - which % len(self.lives)]
        self._alone(life, lambda: life.look_ahead(), Stage.RUNNING, faults)

    @rule(faults=SCRIPTS, which=st.integers(0, 3), test=RESULTS, count=st.sampled_from([0, 3, 60]))
    def finish(self, faults: list[Fault], which: int, test: Any, count: int) -> None:
        life = self.lives[-1 - which % len(self.lives)]
        life.told = (test, count) if life.told is None else life.told
        self._alone(life, lambda: life.result(), Stage.FINISHED, faults)

    @rule(faults=SCRIPTS, which=st.integers(0, 3))
    def end(self, faults: list[Fault], which: int) -> None:
        life = self.lives[-1 - which % len(self.lives)]
        self._alone(life, lambda: life.end(Conclusion.CANCELLED), Stage.ENDED, faults)

    @rule()
    def remark(self) -> None:
        self.github.add("maintainer", "please have a look")
        self.github.pulls[NUMBER].labels.append(f"other-{len(self.github.comments)}")

    @rule(
        faults=SCRIPTS,
        order=st.lists(st.integers(0, 1), min_size=4, max_size=24),
        tests=st.permutations([SAME, SLOWER]),
        begun=st.tuples(st.booleans(), st.booleans()),
        pushed=st.booleans(),
    )
    def two_at_once(
        self, faults: list[Fault], order: list[int], tests: list[Any], begun: Any, pushed: bool
    ) -> None:
        """Two runs tell their results, request by request in a drawn order."""
        pair = []
        for number in (0, 1):
            if pushed and number:
                self.push()
            life = self._new()
            life.told = (tests[number], 2)
            self.lives.append(life)
            if begun[number]:
                self._alone(life, lambda life=life: life.start(), Stage.RUNNING, [])
            pair.append(life)
        done = self._at_once(pair, order, faults)
        if all(not one.failures and not _doubts(one) for one in done):
            self._check_told(pair[1])

    def teardown(self) -> None:
        """Without faults one more run brings all in order, and again writes nothing."""
        try:
            last = self._new()
            last.told = (SLOWER, 60)
            self._alone(last, lambda: last.start(), Stage.RUNNING, [])
            assert not self._alone(last, lambda: last.result(), Stage.FINISHED, []).failures
            self._check_told(last)
            assert len(self._annotations(last.head, last.run)) == 60
            before = list(self.github.writes)
            last.result()
            assert self.github.writes == before
            assert self.github.problems == []
            others = [label for label in self.github.pulls[NUMBER].labels if "other" in label]
            assert len(others) == sum(
                one["user"]["login"] == "maintainer" for one in self.github.comments.values()
            )
        finally:
            self._open.close()

    def _new(self) -> "Told":
        self.runs += 1
        return Told(_Impatient(self.github, self.client), self.runs, head=self.heads[-1])

    def _alone(
        self, life: "Told", do: Callable[[], Published], stage: Stage, faults: list[Fault]
    ) -> Published:
        before = states(self.github)
        self.github.faults = list(faults)
        done = do()
        self.github.faults = []
        assert all(str(failure) for failure in done.failures)
        assert not (done.failures and _passes(faults)), "it could have been told"
        after = states(self.github)
        # What two runs at once may have left is no more than it was.
        assert len(after) <= max(1, len(before))
        if len(before) == len(after) == 1:
            assert not self._is_lost(before[0], after[0])
        told = isinstance(done.comment, Posted) and done.comment.action is not Action.KEPT
        if told and len(after) == 1:
            assert after[0].order >= (life.run, 1, stage.place)
        if stage is not Stage.RUNNING and done.check is not None and not done.failures:
            assert self._unfinished(life) == []
        self._never_annotated_twice()
        return done

    def _is_lost(self, before: State, after: State) -> bool:
        if before.head != after.head:
            return before.head == self.heads[-1]
        older = after.order < before.order
        return older and not (before.stage is Stage.ENDED and after.stage is Stage.FINISHED)

    def _at_once(
        self, pair: list["Told"], order: list[int], faults: list[Fault]
    ) -> list[Published]:
        turns, done = Turns(list(order)), {}
        self.github.faults = list(faults)

        def tell(who: int) -> None:
            pair[who].bot.takes = (turns, who)
            try:
                done[who] = pair[who].result()
            finally:
                turns.leave(who)

        threads = [threading.Thread(target=tell, args=(who,)) for who in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.github.faults = []
        self._never_annotated_twice()
        return [done[0], done[1]]

    def _check_told(self, life: "Told") -> None:
        """The newest run of all has told its result: comment, check and labels say so."""
        [state] = states(self.github)
        assert (state.run, state.stage, state.head) == (life.run, Stage.FINISHED, life.head)
        assert life.told is not None
        bad = life.told[0] is SLOWER
        there = "perf-regression" in self.github.pulls[NUMBER].labels
        assert there == bad
        here = [one for one in self.github.checks.values() if one["head_sha"] == life.head]
        assert {one["status"] for one in here} == {"completed"}
        says = "failure" if bad else "success"
        newest = max(here, key=lambda one: one["id"])
        last = max(here, key=lambda one: one["completed_at"])
        assert (newest["conclusion"], last["conclusion"]) == (says, says)

    def _unfinished(self, life: "Told") -> list[int]:
        return [
            number
            for number, one in self.github.checks.items()
            if one["head_sha"] == life.head
            and one["status"] != "completed"
            and int(one["external_id"].split(":")[2].split(".")[0]) <= life.run
            and one["external_id"].split(":")[2].startswith(f"{life.run}.")
        ]

    def _annotations(self, head: str, run: int) -> list[int]:
        return [
            one["start_line"]
            for number, check in self.github.checks.items()
            if check["head_sha"] == head and f":{run}." in check["external_id"]
            for one in self.github.annotations[number]
        ]

    def _never_annotated_twice(self) -> None:
        for kept in self.github.annotations.values():
            lines = [one["start_line"] for one in kept]
            assert len(lines) == len(set(lines))


class Told(Life):
    """A run that finds out the same each time that it is asked."""

    told: Any = None

    def result(self) -> Published:
        test, count = self.told
        # Findings alone fail nothing here: the check tells which of the two tests it was.
        return self.finish(test, findings=findings(count), fail_on=FailOn(None))


class _Impatient(Bot):
    """Takes turns where it is told to, and never really sleeps."""

    takes: tuple[Turns, int] | None = None

    def __init__(self, github: Any, client: type[PatientClient]) -> None:
        super().__init__(github)
        self._client = client

    def pull(self, token: str = WORKFLOW, **changed: Any) -> PullRequest:
        target = self.target(**changed)
        client = self._client(
            token,
            target.api_url,
            sleep=self.slept.append,
            throttle=False,
        )
        if self.takes is not None:
            client.turns, client.who = self.takes
        return PullRequest(target, client)


def _passes(faults: list[Fault]) -> bool:
    """Whether GitHub recovers soon enough: an update that it would have taken then is not lost."""
    waits = sum(60 if not one.headers and one.status in (403, 429) else 3 for one in faults)
    torn = any(one.status < 300 for one in faults)
    return not torn and len(faults) <= 3 and waits < 70


def _doubts(done: Published) -> bool:
    """Whether it says itself that something is not sure."""
    return any("not known" in note or "could not be" in note for note in done.notes)


class Control(Lives):
    """The same with PyGithub's default retry."""

    client = DefaultClient


def _settings(examples: int, **more: Any) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=6,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        **more,
    )


def test_whatever_fails_nothing_comes_twice_and_nothing_is_lost() -> None:
    run_state_machine_as_test(Lives, settings=_settings(20))


@pytest.mark.slow
@pytest.mark.parametrize("quarter", range(4))
def test_a_thousand_scripts_of_failures(quarter: int) -> None:
    """In quarters of one to two minutes, each with a choice of its own."""
    run_state_machine_as_test(Lives, settings=_settings(250))


def test_the_default_retry_of_pygithub_fails_the_same_test() -> None:
    quick = _settings(200, derandomize=True, phases=(Phase.generate,), report_multiple_bugs=False)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Control, settings=quick)
