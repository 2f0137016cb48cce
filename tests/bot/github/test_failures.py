"""A GitHub that fails, limits us or falls silent: nothing comes twice, nothing is lost unsaid."""

import time
from contextlib import suppress

import github as pygithub
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch_perflint.bot import post
from torch_perflint.bot.github.client import Client
from torch_perflint.bot.github.errors import GitHubError, UnavailableError
from torch_perflint.bot.github.pull_request import PullRequest
from torch_perflint.bot.post import Action, Posted
from torch_perflint.bot.sticky import Comment, read_marker

from .conftest import Bot
from .server import NUMBER, REPOSITORY, WORKFLOW, FakeGitHub, Fault, serving

SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)


def posts(github: FakeGitHub) -> int:
    return sum(line.startswith("POST") and "graphql" not in line for line in github.log)


@pytest.mark.parametrize(
    "fault",
    [Fault("POST", 502, after=True), Fault("POST", after=True, dropped=True)],
    ids=["502", "dropped"],
)
def test_a_comment_that_was_written_though_github_failed_is_not_written_again(
    github: FakeGitHub, bot: Bot, fault: Fault
) -> None:
    github.faults = [fault]
    done = bot.post("words")
    assert done.action is Action.POSTED
    assert len(github.bodies()) == posts(github) == 1
    assert bot.slept == [1.0]


def test_the_default_retry_of_pygithub_writes_it_twice(github: FakeGitHub) -> None:
    github.faults = [Fault("POST", 502, after=True)]
    client = pygithub.Github(
        base_url=github.url,
        auth=pygithub.Auth.Token(WORKFLOW),
        retry=pygithub.GithubRetry(backoff_factor=0),
        seconds_between_requests=None,
        seconds_between_writes=None,
    )
    thread = f"/repos/{REPOSITORY}/issues/{NUMBER}/comments"
    client.requester.requestJsonAndCheck("POST", thread, input={"body": "words"})
    assert github.bodies("github-actions[bot]") == ["words", "words"]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_comment_that_was_not_written_when_github_failed_is_written_after_a_look(
    github: FakeGitHub, bot: Bot, status: int
) -> None:
    github.faults = [Fault("POST", status), Fault("POST", dropped=True)]
    assert bot.post("words").action is Action.POSTED
    assert len(github.bodies()) == 1
    assert posts(github) == 3


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("verb", ["GET", "PATCH"])
def test_reading_and_editing_are_repeated_until_github_recovers(
    github: FakeGitHub, bot: Bot, verb: str, after: bool
) -> None:
    bot.post("first", 812)
    github.faults = [Fault(verb, 502, after=after), Fault(verb, 500), Fault(verb, dropped=True)]
    assert bot.post("second", 813).action is Action.EDITED
    assert github.bodies()[0].startswith("second")
    # After an edit that failed we look first, and may find that it was done.
    assert bot.slept == ([1.0] if after and verb == "PATCH" else [1.0, 2.0, 4.0])


def test_after_five_failures_we_give_up_and_say_so(github: FakeGitHub, bot: Bot) -> None:
    github.faults = [Fault("GET", 502) for _ in range(9)]
    with pytest.raises(
        UnavailableError, match=r"GitHub failed \(502: no message\); try again later"
    ):
        bot.post("words")
    assert bot.slept == [1.0, 2.0, 4.0, 8.0]
    assert len(github.faults) == 4


def test_five_failures_of_posting_are_looked_after_each_time(github: FakeGitHub, bot: Bot) -> None:
    github.faults = [Fault("POST", 502) for _ in range(9)]
    with pytest.raises(UnavailableError):
        bot.post("words")
    assert posts(github) == 5


@pytest.mark.parametrize("verb", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ((403, {"Retry-After": "7"}, SECONDARY), 7.0),
        ((429, {"Retry-After": "7"}, "slow down"), 7.0),
        ((403, {}, SECONDARY), 60.0),
        ((429, {}, "slow down"), 60.0),
    ],
)
def test_a_limit_is_waited_for_as_long_as_github_asks(
    github: FakeGitHub,
    bot: Bot,
    verb: str,
    fault: tuple[int, dict[str, str], str],
    seconds: float,
) -> None:
    if verb == "PATCH":
        bot.post("first", 812)
    status, headers, message = fault
    github.faults = [Fault(verb, status, headers=headers, message=message)]
    bot.post("words", 813)
    assert bot.slept == [seconds]
    assert len(github.bodies()) == 1
    assert github.bodies()[0].startswith("words")


def test_the_hourly_limit_is_waited_for_until_it_is_lifted(github: FakeGitHub, bot: Bot) -> None:
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 30)}
    message = "API rate limit exceeded for installation ID 1."
    github.faults = [Fault("GET", 403, headers=reset, message=message)]
    bot.post("words")
    assert 28 <= bot.slept[0] <= 31


def test_a_limit_that_lasts_longer_than_our_patience_is_not_waited_for(
    github: FakeGitHub, bot: Bot
) -> None:
    github.faults = [Fault("POST", 403, headers={"Retry-After": "3600"}, message=SECONDARY)]
    with pytest.raises(UnavailableError, match="asks to wait 3600 seconds"):
        bot.post("words")
    assert bot.slept == []


def test_our_patience_is_counted_over_all_requests(github: FakeGitHub, bot: Bot) -> None:
    github.faults = [Fault("GET", 429, headers={"Retry-After": "50"}) for _ in range(4)]
    with pytest.raises(UnavailableError):
        bot.post("words")
    assert bot.slept == [50.0, 50.0]


def test_a_silent_github_is_given_up_on(github: FakeGitHub, bot: Bot) -> None:
    github.faults = [Fault("POST", silent=1.2, after=True)]
    assert bot.post("words", timeout=1).action is Action.POSTED
    assert len(github.bodies()) == posts(github) == 1


def test_silence_is_said_with_its_length(github: FakeGitHub, bot: Bot) -> None:
    github.faults = [Fault("GET", silent=1.2)]
    client = Client(WORKFLOW, github.url, timeout=1, patience=0, throttle=False)
    pull = PullRequest(bot.target(), client)
    with pytest.raises(UnavailableError, match="did not answer within 1 seconds"):
        pull.comments()


def test_a_repository_that_moved_is_named_and_not_taken_for_a_comment(
    github: FakeGitHub, bot: Bot
) -> None:
    github.faults = [Fault("POST", 307, message="Moved Permanently")]
    with pytest.raises(GitHubError, match=r"307: Moved Permanently.*was the repository moved"):
        bot.post("words")


@pytest.mark.parametrize(
    "page", [b"<html>Sign in to the proxy</html>", b'{"id": 1', b'"words"', b"[]"]
)
@pytest.mark.parametrize("after", [False, True])
def test_an_answer_that_is_no_comment_is_not_taken_for_one(
    github: FakeGitHub, bot: Bot, page: bytes, after: bool
) -> None:
    github.faults = [Fault("POST", 200, after=after, page=page)]
    assert bot.post("words").action is Action.POSTED
    assert len(github.bodies()) == 1


def test_a_list_that_is_none_is_said(github: FakeGitHub, bot: Bot) -> None:
    github.faults = [Fault("GET", 200, path="/comments", page=b"<html>Sign in to the proxy</html>")]
    with pytest.raises(GitHubError, match="are no comments"):
        bot.post("words")


def test_an_address_that_redirects_is_named(github: FakeGitHub, bot: Bot) -> None:
    moved = {"Location": "https://127.0.0.1/repos/acme/models"}
    github.faults = [Fault("GET", 301, headers=moved, message="Moved Permanently")]
    with pytest.raises(GitHubError, match=r"is not the API's address.*https"):
        bot.post("words")


FAULTS = st.builds(
    Fault,
    verb=st.sampled_from(["GET", "POST", "PATCH", "DELETE"]),
    status=st.sampled_from([500, 502, 503]),
    after=st.booleans(),
    dropped=st.booleans(),
) | st.builds(
    Fault,
    verb=st.sampled_from(["GET", "POST", "PATCH"]),
    status=st.just(403),
    headers=st.just({"Retry-After": "1"}),
    message=st.just(SECONDARY),
)
SCRIPTS = st.lists(st.lists(FAULTS, max_size=6), min_size=1, max_size=4)


def _never_twice_and_nothing_lost(script: list[list[Fault]]) -> None:
    """Run after run meets its faults; the last meets none."""
    with serving() as github:
        bot = Bot(github)
        for run, faults in enumerate([*script, []], 1):
            github.faults = list(faults)
            try:
                bot.post(f"of {run}", run)
            except GitHubError:
                told = False
            else:
                told = True
            assert len(github.bodies()) <= 1
            if told:
                [body] = github.bodies()
                found = read_marker(body)
                assert found is not None
                assert (body.partition("\n")[0], found[1].run) == (f"of {run}", run)
        assert told
        assert github.problems == []


def test_blind_repeating_would_be_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(pull: PullRequest, body: str) -> Comment:
        with suppress(UnavailableError):
            return posted(pull, body)
        return posted(pull, body)

    posted = PullRequest.post
    monkeypatch.setattr(PullRequest, "post", twice)
    script = [[Fault("POST", 502, after=True)]]
    # The second look alone mends even this.
    _never_twice_and_nothing_lost(script)
    monkeypatch.setattr(post, "_only_one", lambda new, *rest: Posted(new.url, Action.POSTED))
    with pytest.raises(AssertionError):
        _never_twice_and_nothing_lost(script)


@settings(max_examples=60, deadline=None)
@given(SCRIPTS)
def test_whatever_fails_no_comment_comes_twice_and_none_is_lost(script: list[list[Fault]]) -> None:
    _never_twice_and_nothing_lost(script)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCRIPTS)
def test_no_comment_comes_twice_over_many_more_failures(script: list[list[Fault]]) -> None:
    _never_twice_and_nothing_lost(script)
