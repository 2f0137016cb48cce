"""Which pull request a run belongs to is GitHub's to say, and a report's claim is only compared."""

from dataclasses import replace

import pytest

pytest.importorskip("msgspec")

from torch_perflint.bot.handoff.origin import (
    Candidate,
    NoOrigin,
    Origin,
    asked_for,
    lie,
    origin_of,
    with_facts,
)
from torch_perflint.bot.report import Report, Revision, RunLink
from torch_perflint.bot.workflow import Place, WorkflowRun

from ..reports import GPT, report

HEAD, BASE, OTHER = "a" * 40, "b" * 40, "c" * 40
HERE, FORK = Place(1, "acme/models"), Place(2, "contributor/models")
RUN = WorkflowRun(
    812, 2, "pull_request", "perflint.yml", "completed", "success", HEAD, "topic", HERE, FORK
)
PULL = Candidate(5, HEAD, 2, 1, "main")
ORIGIN = Origin(5, HEAD, "main", from_fork=True)


def reason(run: WorkflowRun, *candidates: Candidate, claimed: int | None = None) -> str:
    found = origin_of(run, candidates, claimed=claimed)
    assert isinstance(found, NoOrigin), found
    return found.reason


def test_the_open_pull_request_with_this_branch_and_commit_is_it() -> None:
    assert origin_of(RUN, [PULL]) == ORIGIN


@pytest.mark.parametrize("claimed", [None, 5, 6, 10**9])
def test_what_the_report_claims_cannot_make_it_another(claimed: int | None) -> None:
    assert origin_of(RUN, [PULL], claimed=claimed) == ORIGIN


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"head": OTHER, "is_open": False}, "aaaaaaa, which is the head of no pull request"),
        ({"head_place": 3}, "no pull request has the branch"),
        ({"head_place": None}, "no pull request has the branch"),
        ({"place": 3}, "no pull request has the branch"),
    ],
)
def test_a_pull_request_that_differs_in_one_fact_is_not_it(
    changed: dict[str, object], says: str
) -> None:
    assert says in reason(RUN, replace(PULL, **changed), claimed=5)  # type: ignore[arg-type]


def test_what_has_no_pull_request_is_about_none() -> None:
    assert "no pull request has the branch" in reason(RUN)


def test_a_pull_request_that_was_pushed_to_or_closed_since_is_still_it() -> None:
    for changed in ({"head": OTHER}, {"is_open": False}):
        found = origin_of(RUN, [replace(PULL, **changed)])  # type: ignore[arg-type]
        assert found == replace(ORIGIN, is_current=False)


def test_an_open_one_with_this_head_goes_before_a_closed_one_and_that_before_an_older_head() -> (
    None
):
    closed = replace(PULL, number=4, is_open=False)
    pushed = replace(PULL, number=6, head=OTHER)
    assert origin_of(RUN, [closed, pushed, PULL]) == ORIGIN
    assert origin_of(RUN, [pushed, closed]) == Origin(
        4, HEAD, "main", is_current=False, from_fork=True
    )


def test_a_fork_that_is_gone_is_said() -> None:
    assert "is gone" in reason(replace(RUN, head_place=None), PULL)


@pytest.mark.parametrize("event", ["push", "schedule", "pull_request_target", "issue_comment"])
def test_a_run_of_another_event_is_of_no_pull_request(event: str) -> None:
    assert "not started by a pull request" in reason(replace(RUN, event=event), PULL)


def test_of_two_pull_requests_of_one_branch_the_report_says_which_but_can_name_no_third() -> None:
    other = replace(PULL, number=6, branch="release")
    assert origin_of(RUN, [PULL, other], claimed=6) == Origin(6, HEAD, "release", from_fork=True)
    for claimed in (None, 7):
        assert "#5 and #6 have the same branch and commit" in reason(
            RUN, PULL, other, claimed=claimed
        )
    elsewhere = replace(other, place=3)
    assert origin_of(RUN, [PULL, elsewhere], claimed=6) == ORIGIN


def test_a_run_that_a_command_started_is_about_the_commit_in_its_name() -> None:
    run = replace(
        RUN, event="workflow_dispatch", head=OTHER, head_place=HERE, title=f"perflint #5 at {HEAD}"
    )
    assert asked_for(run) == (5, HEAD)
    assert origin_of(run, [PULL]) == ORIGIN
    pushed = origin_of(run, [replace(PULL, head=OTHER)])
    assert pushed == replace(ORIGIN, is_current=False)
    assert "no pull request" in reason(run, replace(PULL, number=6))


@pytest.mark.parametrize(
    "changed",
    [
        {"title": f"perflint #5 at {HEAD[:7]}"},
        {"title": f"perflint #5 at {HEAD}\n"},
        {"title": f"perflint #0 at {HEAD}"},
        {"title": "perflint"},
        {"head_place": FORK},
        {"head_place": None},
        {"event": "pull_request"},
    ],
)
def test_a_title_by_others_names_no_pull_request(changed: dict[str, object]) -> None:
    run = replace(RUN, event="workflow_dispatch", head_place=HERE, title=f"perflint #5 at {HEAD}")
    assert asked_for(replace(run, **changed)) is None  # type: ignore[arg-type]


def handed(**changed: object) -> Report:
    link = RunLink("https://github.com", "acme/models", 812, 2, 5)
    made = replace(report(GPT), head=Revision(HEAD, "HEAD"), base=Revision(BASE, "main"), link=link)
    return replace(made, **changed)  # type: ignore[arg-type]


def linked(**changed: object) -> Report:
    made = handed()
    assert made.link
    return replace(made, link=replace(made.link, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "made",
    [
        handed(),
        handed(link=None),
        linked(pull_request=None),
        linked(attempt=1),
        linked(server="https://evil.example"),
        linked(repository="Acme/Models"),
    ],
)
def test_a_report_that_agrees_is_taken(made: Report) -> None:
    assert lie(made, RUN, ORIGIN) == ""


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (handed(head=Revision(OTHER, "HEAD")), "another commit than the aaaaaaaaaaaa"),
        (handed(head=Revision(HEAD, "HEAD", snapshot=True)), "another commit"),
        (handed(head=Revision(HEAD[:7], "HEAD")), "another commit"),
        (handed(base=Revision("main", "main")), "no commit"),
        (handed(base=Revision(BASE + "\n", "main")), "no commit"),
        (handed(base=Revision(BASE, "main", snapshot=True)), "no commit"),
        (linked(pull_request=6), "another pull request than #5"),
        (linked(run_id=811), "another run than 812 (attempt 2)"),
        (linked(attempt=3), "another run than 812 (attempt 2)"),
        (linked(repository="evil/models"), "another repository than acme/models"),
    ],
)
def test_a_report_that_claims_something_else_is_a_lie(made: Report, says: str) -> None:
    assert says in lie(made, RUN, ORIGIN)


def test_links_are_made_from_facts_and_from_no_claim() -> None:
    made = linked(server="https://evil.example", attempt=1, pull_request=None)
    facts = with_facts(made, RUN, ORIGIN, "https://github.example")
    assert facts.link == RunLink("https://github.example", "acme/models", 812, 2, 5)
    assert (facts.head.sha, facts.head.name) == (HEAD, HEAD)
