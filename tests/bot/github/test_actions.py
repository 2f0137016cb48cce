"""Runs and what they hand over: found, fetched without the token, started, ended, repeated."""

from collections.abc import Iterator
from typing import Any

import pytest
from torch_perflint.bot.github.actions import Actions
from torch_perflint.bot.github.client import Client
from torch_perflint.bot.github.download import Downloads
from torch_perflint.bot.github.errors import (
    GitHubError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    UnavailableError,
    UnclearError,
)
from torch_perflint.bot.github.repository import Repository
from torch_perflint.bot.workflow import Place, Review

from .routes_actions import Stored, add_artifact, add_run
from .server import HEAD, NUMBER, READ_ONLY, REPOSITORY, WORKFLOW, FakeGitHub, Fault, Pull, serving
from .storage import storing

NAME = "perflint-report"


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serving() as fake, storing() as fake.storage:
        yield fake
    assert fake.problems == []


def client(github: FakeGitHub, token: str = WORKFLOW) -> Client:
    return Client(token, github.url, timeout=5, sleep=lambda seconds: None, throttle=False)


def actions(github: FakeGitHub, token: str = WORKFLOW, **changed: Any) -> Actions:
    downloads = Downloads(github.url, [github.storage.host], **changed)
    return Actions(REPOSITORY, client(github, token), downloads)


def stored(github: FakeGitHub, content: bytes = b"PK" * 5000, **facts: Any) -> Stored:
    return add_artifact(github, add_run(github).id, content, **facts)


def fetched(github: FakeGitHub, one: Stored, largest: int = 20_000, **changed: Any) -> bytes:
    asking = actions(github, **changed)
    [found] = asking.artifacts(one.run, NAME)
    return asking.download(found, largest=largest)


def test_a_run_is_told_with_where_its_code_comes_from(github: FakeGitHub) -> None:
    made = add_run(github, head_place=(2, "contributor/models"), attempt=3, branch="a/b")
    run = actions(github).run(made.id)
    assert (run.id, run.attempt, run.head, run.branch) == (made.id, 3, HEAD, "a/b")
    assert (run.place, run.head_place) == (Place(1, REPOSITORY), Place(2, "contributor/models"))
    assert (
        run.from_fork and run.is_over and run.head_place and run.head_place.owner == "contributor"
    )
    assert not actions(github).run(add_run(github).id).from_fork


def test_what_reviewers_said_of_a_run_is_told_with_the_environment(github: FakeGitHub) -> None:
    made = add_run(github)
    assert actions(github).reviews(made.id) == []
    github.reviews[made.id] = [("rejected", "a"), ("approved", "b")]
    told = [Review("rejected", ("a",)), Review("approved", ("b",))]
    assert actions(github, READ_ONLY).reviews(made.id) == told
    with pytest.raises(NotFoundError):
        actions(github).reviews(1)


def test_runs_on_a_commit_are_listed_newest_first(github: FakeGitHub) -> None:
    old, new = add_run(github), add_run(github, status="in_progress", conclusion=None)
    add_run(github, head="c" * 40)
    assert [run.id for run in actions(github).runs(head=HEAD)] == [new.id, old.id]
    assert [run.id for run in actions(github).runs(head=HEAD, status="in_progress")] == [new.id]


def test_an_artifact_comes_from_the_second_host_which_never_sees_the_token(
    github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    # A password for every host, which the HTTP library would send by itself.
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    one = stored(github)
    assert fetched(github, one) == one.content
    assert github.storage.asked == [f"/{one.id}.zip"]
    assert github.storage.authorizations == []
    assert github.seen_tokens == {WORKFLOW}


def test_a_client_that_followed_by_itself_would_show_the_token(github: FakeGitHub) -> None:
    import requests

    one = stored(github)
    path = f"{github.url}/repos/{REPOSITORY}/actions/artifacts/{one.id}/zip"
    address = requests.get(
        path, headers={"Authorization": f"token {WORKFLOW}"}, allow_redirects=False
    ).headers["location"]
    requests.get(address, headers={"Authorization": f"token {WORKFLOW}"})
    assert github.storage.authorizations == [f"token {WORKFLOW}"]


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://evil.example/x.zip",
        "https://productionresultssa1.blob.core.windows.net.evil.example/x",
        "https://productionresultssa1.blob.core.windows.net@evil.example/x",
        "https://user@productionresultssa1.blob.core.windows.net/x",
        "https://productionresultssa1.blob.core.windows.net:8443/x",
        "https://otheraccount.blob.core.windows.net/x",
        "https://a.b.actions.githubusercontent.com/x",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "//127.0.0.1/x",
        "/",
    ],
)
def test_another_host_is_not_asked(github: FakeGitHub, address: str) -> None:
    one = stored(github)
    github.elsewhere = address
    with pytest.raises(NotAllowedError, match="not among the hosts") as error:
        fetched(github, one)
    assert github.storage.asked == []
    assert "meta-data" not in str(error.value)


@pytest.mark.parametrize(
    "address",
    [
        "https://productionresultssa17.blob.core.windows.net/actions-results/x?sig=y",
        "https://pipelinesghubeus9.actions.githubusercontent.com/x",
        "https://ghe.example:8443/storage/x",
    ],
)
def test_githubs_own_hosts_are_known(address: str) -> None:
    assert Downloads("https://ghe.example:8443/api/v3")._known_host(address)


@pytest.mark.parametrize("address", ["http://[::1", "", "https://\u2100.example/x", "https:x"])
def test_what_is_no_address_is_not_asked(address: str) -> None:
    with pytest.raises(NotAllowedError):
        Downloads("https://api.github.com").fetch(address, largest=1)


def test_without_encryption_only_a_github_without_it_may_send_us() -> None:
    plain = "http://productionresultssa17.blob.core.windows.net/x"
    with pytest.raises(NotAllowedError):
        Downloads("https://api.github.com")._known_host(plain)


def test_a_second_redirect_is_not_followed(github: FakeGitHub) -> None:
    one = stored(github)
    path = f"/{one.id}.zip"
    github.storage.headers[path] = {"Location": "http://127.0.0.1:1/evil"}
    github.storage.statuses = [302]
    with pytest.raises(NotAllowedError, match="sends us elsewhere"):
        fetched(github, one)


def test_what_is_larger_than_allowed_is_not_fetched_to_its_end(github: FakeGitHub) -> None:
    one = stored(github, b"x" * 30_000_000, size=10)
    with pytest.raises(RefusedError, match="sends more than the 20,000 bytes"):
        fetched(github, one)
    assert github.storage.sent_bytes < 20_000_000


def test_what_github_says_to_be_larger_is_not_asked_for(github: FakeGitHub) -> None:
    one = stored(github, size=20_001)
    with pytest.raises(RefusedError, match="20,001 bytes, and 20,000 are allowed"):
        fetched(github, one)
    assert github.storage.asked == []


def test_what_is_packed_once_more_on_its_way_is_not_unpacked(github: FakeGitHub) -> None:
    import gzip

    bomb = gzip.compress(b"0" * 10_000_000)
    one = stored(github, bomb)
    github.storage.headers[f"/{one.id}.zip"] = {"Content-Encoding": "gzip"}
    assert fetched(github, one) == bomb


def test_an_archive_that_is_not_what_github_recorded_is_refused(github: FakeGitHub) -> None:
    one = stored(github, digest=f"sha256:{'0' * 64}")
    with pytest.raises(RefusedError, match="not what GitHub has recorded"):
        fetched(github, one)
    assert fetched(github, stored(github, digest="")) == one.content


@pytest.mark.parametrize("statuses", [[500], [503, 404], [403, 500]])
def test_a_failing_second_host_is_asked_again_at_a_new_address(
    github: FakeGitHub, statuses: list[int]
) -> None:
    one = stored(github)
    github.storage.statuses = [*statuses]
    assert fetched(github, one) == one.content
    asked = [line for line in github.log if line.endswith("/zip")]
    assert len(asked) == len(github.storage.asked) == len(statuses) + 1


def test_a_second_host_that_keeps_failing_is_given_up_on(github: FakeGitHub) -> None:
    one = stored(github)
    github.storage.statuses = [500] * 9
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:\d+ answers 500"):
        fetched(github, one)
    assert len(github.storage.asked) == 3


def test_a_file_that_breaks_off_is_fetched_again(github: FakeGitHub) -> None:
    one = stored(github)
    github.storage.headers[f"/{one.id}.zip"] = {"Content-Length": "999999"}
    with pytest.raises(UnavailableError) as error:
        fetched(github, one)
    assert len(github.storage.asked) == 3
    assert "sig=" not in str(error.value)


def test_a_slow_file_is_given_up_on(github: FakeGitHub) -> None:
    one = stored(github)
    with pytest.raises(UnavailableError, match="takes more than 0 seconds"):
        fetched(github, one, seconds=0.0)


def test_an_expired_artifact_is_said(github: FakeGitHub) -> None:
    one = stored(github, expired=True)
    [found] = actions(github).artifacts(one.run, NAME)
    assert found.expired
    with pytest.raises(NotFoundError, match="Artifact has expired"):
        actions(github).download(found, largest=20_000)


def test_of_several_artifacts_of_a_name_the_newest_is_last(github: FakeGitHub) -> None:
    run = add_run(github)
    made = [add_artifact(github, run.id, b"x").id for _ in range(3)]
    add_artifact(github, run.id, b"x", "another")
    add_artifact(github, add_run(github).id, b"x")
    assert [one.id for one in actions(github).artifacts(run.id, NAME)] == made


def test_a_workflow_is_started_with_inputs(github: FakeGitHub) -> None:
    number = actions(github).dispatch("measure.yml", "main", {"sha": HEAD, "pull": "5"})
    assert github.dispatched == [("measure.yml", "main", {"sha": HEAD, "pull": "5"})]
    assert number is not None and actions(github).run(number).status == "queued"


def test_a_start_that_may_have_been_is_not_repeated(github: FakeGitHub) -> None:
    github.faults = [Fault("POST", 502, after=True)]
    with pytest.raises(UnclearError):
        actions(github).dispatch("measure.yml", "main", {})
    assert len(github.dispatched) == 1


def test_a_run_is_ended_once_and_its_end_is_no_error(github: FakeGitHub) -> None:
    run = add_run(github, status="in_progress", conclusion=None)
    github.faults = [Fault("POST", 502)]
    assert actions(github).cancel(run.id)
    assert actions(github).run(run.id).conclusion == "cancelled"
    assert not actions(github).cancel(run.id)


def test_a_run_is_repeated(github: FakeGitHub) -> None:
    run = add_run(github)
    actions(github).rerun(run.id)
    assert actions(github).run(run.id).attempt == 2
    with pytest.raises(NotAllowedError, match="already running"):
        actions(github).rerun(run.id)


def test_a_token_that_may_not_is_told_what_it_needs(github: FakeGitHub) -> None:
    with pytest.raises(NotAllowedError, match="`actions: write`"):
        actions(github, READ_ONLY).dispatch("measure.yml", "main", {})
    with pytest.raises(NotFoundError, match="no run 1"):
        actions(github).run(1)


@pytest.mark.parametrize("page", [b"[]", b"null", b'{"id": "5"}', b"<html>"])
def test_an_answer_that_is_no_run_is_not_taken_for_one(github: FakeGitHub, page: bytes) -> None:
    run = add_run(github)
    for path, ask in (
        ("/runs/", lambda: actions(github).run(run.id)),
        ("/artifacts", lambda: actions(github).artifacts(run.id, NAME)),
        ("/runs", lambda: actions(github).runs()),
    ):
        github.faults = [Fault("GET", 200, path=path, page=page)]
        with pytest.raises(GitHubError, match="what GitHub answers"):
            ask()


def test_open_pull_requests_are_found_by_owner_and_branch(github: FakeGitHub) -> None:
    branch = "feature/a b&state=closed#?$(touch pwned)"
    github.pulls[6] = Pull(6, owner="contributor", branch=branch, repository_id=2)
    github.pulls[7] = Pull(7, owner="contributor", branch=branch, state="closed")
    github.pulls[8] = Pull(8, owner="other", branch=branch)
    found = Repository(REPOSITORY, client(github)).pulls_of("contributor", branch)
    assert [(one.number, one.head_place, one.place, one.branch) for one in found] == [
        (6, 2, 1, "main")
    ]


def test_in_a_repository_that_was_renamed_no_other_pull_request_is_taken(
    github: FakeGitHub,
) -> None:
    """PyGithub loses what stands behind the `?` on its way to the new address."""
    github.moved = "acme/old-name"
    github.pulls[6] = Pull(6, branch="other")
    github.pulls[7] = Pull(7, branch="topic", state="closed")
    repository = Repository("acme/old-name", client(github))
    assert [one.number for one in repository.pulls_of("acme", "topic")] == [NUMBER]


def test_one_pull_request_is_told_with_whether_it_is_open(github: FakeGitHub) -> None:
    repository = Repository(REPOSITORY, client(github))
    found = repository.pull(NUMBER)
    assert found is not None and found.head == HEAD
    github.pulls[NUMBER].state = "closed"
    closed = repository.pull(NUMBER)
    assert closed is not None and not closed.is_open
    assert repository.pull(404) is None
    assert [one.number for one in repository.pulls_of("acme", "topic", "closed")] == [NUMBER]
    assert repository.open_pulls_at(HEAD) == []


def test_a_workflow_is_there_or_not(github: FakeGitHub) -> None:
    actions = Actions(REPOSITORY, client(github))
    assert actions.has_workflow("perflint.yml")
    assert not actions.has_workflow("other.yml")


def test_a_commit_is_in_the_history_of_a_branch_or_not(github: FakeGitHub) -> None:
    repository = Repository(REPOSITORY, client(github))
    assert repository.is_in_history("b" * 40, "main")
    assert not repository.is_in_history(HEAD, "main")
    assert not repository.is_in_history("0" * 40, "main")
