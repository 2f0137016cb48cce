"""The life of a run on a pull request: comment, check run and labels, each told once."""

from dataclasses import replace

import pytest
from torch_perflint.bot import put_check
from torch_perflint.bot.check import Conclusion
from torch_perflint.bot.github.errors import LockedError
from torch_perflint.bot.post import Action, NotPosted, Posted
from torch_perflint.bot.state import Stage
from torch_perflint.runners.verdict.compare import Verdict

from .. import reports
from .conftest import Bot
from .lives import (
    ACK,
    OTHER_HEAD,
    SAME,
    SLOWER,
    UNSURE,
    Life,
    checks,
    findings,
    headlines,
    icons,
    states,
    writes,
)
from .server import HEAD, NUMBER, READ_ONLY, WORKFLOW, Account, FakeGitHub

DONE = "completed"


@pytest.fixture
def life(bot: Bot) -> Life:
    return Life(bot)


def test_a_run_is_told_in_place_from_its_start_to_its_result(
    github: FakeGitHub, life: Life
) -> None:
    life.start()
    assert icons(github) == ["⏳"]
    assert checks(github) == [("in_progress", None)]
    done = life.finish()
    assert headlines(github) == ["`test_gpt_train` runs 26.3% slower with this PR"]
    assert checks(github) == [(DONE, "failure")]
    assert github.pulls[NUMBER].labels == ["perf-regression"]
    assert done.failures == ()
    [check] = github.checks.values()
    assert check["name"] == "perflint"
    assert check["output"]["title"] == "test_gpt_train runs 26.3% slower with this PR"
    assert check["details_url"] == "https://github.com/acme/models/actions/runs/812"
    assert states(github)[0].check == check["id"]
    assert str(done).startswith("comment edited: https://")
    assert f"check failure: {check['html_url']}" in str(done)


@pytest.mark.parametrize("count", [0, 1, 49, 50])
def test_a_result_over_a_standing_start_costs_eight_requests_and_three_writes(
    github: FakeGitHub, life: Life, count: int
) -> None:
    life.start()
    started, before = len(github.log), len(github.writes)
    life.finish(findings=findings(count))
    assert len(github.log) - started <= 8
    assert len(github.writes) - before <= 3
    assert len(github.writes) <= 6
    [annotations] = github.annotations.values()
    assert len(annotations) == count


def test_no_change_of_labels_takes_more_writes_than_that(github: FakeGitHub, life: Life) -> None:
    """From each result to each other, by way of a push: none, regression, accepted regression."""
    results = {"none": (SAME, ()), "bad": (SLOWER, ()), "accepted": (SLOWER, (ACK,))}
    run = 900
    for before in results.values():
        for after in results.values():
            for head, (test, acks) in ((HEAD, before), (OTHER_HEAD, after)):
                run += 1
                github.head = head
                one = Life(life.bot, run, head=head)
                begun = len(github.writes)
                one.start()
                one.look_ahead()
                start = len(github.writes), len(github.log)
                one.finish(test, acks=acks)
                assert len(github.writes) - start[0] <= 3
                assert len(github.log) - start[1] <= 8
                assert len(github.writes) - begun <= 6


def test_the_same_report_again_writes_nothing(github: FakeGitHub, life: Life) -> None:
    life.start()
    life.finish(findings=findings(120))
    before = list(github.writes)
    again = life.finish(findings=findings(120))
    assert github.writes == before
    assert isinstance(again.comment, Posted)
    assert again.comment.action is Action.KEPT


def test_the_same_again_writes_nothing_where_no_start_was_told(
    github: FakeGitHub, life: Life
) -> None:
    life.finish()
    before = list(github.writes)
    assert [line.partition(" ")[0] for line in before] == ["POST", "POST", "POST"]
    life.finish()
    assert github.writes == before


def test_each_step_told_twice_writes_once(github: FakeGitHub, life: Life) -> None:
    for step in (life.wait, life.start, life.finish):
        step()
        before = list(github.writes)
        step()
        assert github.writes == before


def test_a_forks_whole_life_takes_six_writes(github: FakeGitHub, life: Life) -> None:
    life.wait()
    assert icons(github) == ["⏸️"]
    assert checks(github) == [("queued", None)]
    life.start()
    assert icons(github) == ["⏳"]
    life.finish()
    assert checks(github) == [(DONE, "failure")]
    assert len(github.writes) == 6


def test_the_last_verdict_stays_visible_while_a_run_goes_on(github: FakeGitHub, life: Life) -> None:
    life.finish()
    github.head = OTHER_HEAD
    late = Life(life.bot, 813, head=OTHER_HEAD)
    late.start()
    assert "🔴 `test_gpt_train` runs 26.3% slower with this PR" in github.bodies()[0]
    late.end(Conclusion.CANCELLED)
    assert "🔴 `test_gpt_train` runs 26.3% slower" in github.bodies()[0]
    Life(life.bot, 814, head=OTHER_HEAD).start()
    assert "🔴 `test_gpt_train` runs 26.3% slower" in github.bodies()[0]


@pytest.mark.parametrize(
    ("tests", "more", "acks", "says"),
    [
        ((SAME,), {}, (), "success"),
        ((SLOWER,), {}, (), "failure"),
        ((SLOWER,), {}, (ACK,), "neutral"),
        ((UNSURE,), {}, (), "neutral"),
        ((UNSURE, SLOWER), {}, (), "failure"),
        ((reports.failed("test_a"),), {}, (), "failure"),
        ((reports.failed("test_a"), SLOWER), {}, (ACK,), "failure"),
        ((SLOWER,), {"findings": findings(1)}, (ACK,), "failure"),
        ((reports.FASTER,), {}, (), "success"),
        ((reports.BROKEN,), {}, (), "neutral"),
        ((reports.NEW,), {}, (), "success"),
        ((SAME,), {"refused": "the GPUs differ"}, (), "failure"),
    ],
)
def test_the_verdict_ends_the_check(
    github: FakeGitHub, life: Life, tests: tuple, more: dict, acks: tuple, says: str
) -> None:
    life.start()
    life.finish(*tests, acks=acks, **more)
    assert checks(github) == [(DONE, says)]


def test_annotations_go_in_fifties_the_gravest_first(github: FakeGitHub, life: Life) -> None:
    life.start()
    mixed = [
        replace(one, severity=severity)
        for one, severity in zip(findings(130), [*reports.Severity] * 44, strict=False)
    ]
    life.finish(SAME, findings=tuple(mixed))
    [annotations] = github.annotations.values()
    levels = [one["annotation_level"] for one in annotations]
    assert len(levels) == 130
    assert levels == sorted(levels, key=["failure", "warning", "notice"].index)
    assert writes(github).count(f"PATCH {next(iter(github.checks))}") == 3


def test_a_re_run_has_a_check_of_its_own_and_the_same_comment(
    github: FakeGitHub, life: Life
) -> None:
    life.finish()
    again = Life(life.bot, attempt=2)
    again.start()
    assert icons(github) == ["⏳"]
    again.finish(SAME)
    assert checks(github) == [(DONE, "failure"), (DONE, "success")]
    assert headlines(github) == ["no performance change"]
    assert github.pulls[NUMBER].labels == []


def test_a_force_push_has_a_check_on_its_own_head(github: FakeGitHub, life: Life) -> None:
    life.start()
    github.head = OTHER_HEAD
    new = Life(life.bot, 813, head=OTHER_HEAD)
    new.start()
    life.end(Conclusion.CANCELLED)
    assert checks(github, HEAD) == [(DONE, "cancelled")]
    assert states(github)[0].head == OTHER_HEAD
    new.finish(SAME)
    assert checks(github, OTHER_HEAD) == [(DONE, "success")]
    assert headlines(github) == ["no performance change"]


def test_a_result_for_the_old_head_ends_its_check_and_nothing_else(
    github: FakeGitHub, life: Life
) -> None:
    life.start()
    github.head = OTHER_HEAD
    Life(life.bot, 813, head=OTHER_HEAD).finish(SAME)
    late = life.finish()
    assert checks(github, HEAD) == [(DONE, "failure")]
    assert headlines(github) == ["no performance change"]
    assert github.pulls[NUMBER].labels == []
    assert isinstance(late.comment, Posted)
    assert late.comment.action is Action.KEPT


def test_a_result_for_an_old_head_is_told_where_nothing_newer_stands_but_sets_no_label(
    github: FakeGitHub, life: Life
) -> None:
    life.start()
    github.head = OTHER_HEAD
    life.finish()
    assert headlines(github) == ["`test_gpt_train` runs 26.3% slower with this PR"]
    assert github.pulls[NUMBER].labels == []


def test_an_older_run_repeats_what_a_newer_found_out_and_never_stands_above_it(
    github: FakeGitHub, life: Life
) -> None:
    new = Life(life.bot, 813)
    new.start()
    github.checks.clear()  # as if the older had made its own between the newer's look and write
    life.start()
    github.checks[next(iter(github.checks))]["external_id"] = "perflint:default:812.1"
    new.finish()
    assert {conclusion for _, conclusion in checks(github)} == {"failure"}
    life.finish(SAME)
    assert {conclusion for _, conclusion in checks(github)} == {"failure"}
    assert headlines(github) == ["`test_gpt_train` runs 26.3% slower with this PR"]
    assert github.pulls[NUMBER].labels == ["perf-regression"]


def test_an_older_run_makes_no_check_beside_a_newer_one(github: FakeGitHub, life: Life) -> None:
    Life(life.bot, 813).finish()
    late = life.finish(SAME)
    assert checks(github) == [(DONE, "failure")]
    assert "a newer run has a check on this commit" in str(late)


def test_a_run_that_vanished_is_ended_by_the_next(github: FakeGitHub, life: Life) -> None:
    life.start()
    Life(life.bot, 813).finish(SAME)
    assert checks(github) == [(DONE, "success"), (DONE, "success")]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (Conclusion.FAILURE, "ended without a result"),
        (Conclusion.CANCELLED, "was cancelled"),
        (Conclusion.TIMED_OUT, "took too long"),
    ],
)
@pytest.mark.parametrize("step", ["start", "wait"])
def test_no_check_stays_unfinished_when_a_run_ends_without_a_result(
    github: FakeGitHub, life: Life, how: Conclusion, says: str, step: str
) -> None:
    getattr(life, step)()
    life.end(how)
    assert checks(github) == [(DONE, how.value)]
    assert says in headlines(github)[0]
    before = list(github.writes)
    life.end(how)
    assert github.writes == before


def test_an_end_after_the_result_changes_nothing(github: FakeGitHub, life: Life) -> None:
    life.start()
    life.finish()
    before = list(github.writes)
    life.end(Conclusion.CANCELLED)
    assert github.writes == before


def test_a_crash_before_the_start_makes_a_failed_check_and_no_comment(
    github: FakeGitHub, life: Life
) -> None:
    life.end(Conclusion.CANCELLED)
    assert (checks(github), github.bodies()) == ([], [])
    life.end()
    assert (checks(github), github.bodies()) == ([(DONE, "failure")], [])


def test_a_result_of_an_older_run_is_more_than_the_end_of_a_newer(
    github: FakeGitHub, life: Life
) -> None:
    life.start()
    new = Life(life.bot, 813)
    new.start()
    new.end(Conclusion.CANCELLED)
    life.finish()
    assert headlines(github) == ["`test_gpt_train` runs 26.3% slower with this PR"]
    new.end(Conclusion.CANCELLED)
    assert headlines(github) == ["`test_gpt_train` runs 26.3% slower with this PR"]


@pytest.mark.parametrize("begun", [False, True])
def test_a_closed_pull_request_gets_no_new_comment_and_no_label(
    github: FakeGitHub, life: Life, begun: bool
) -> None:
    if begun:
        life.start()
    github.pulls[NUMBER].state = "closed"
    done = life.finish()
    assert len(github.bodies()) == begun
    assert isinstance(done.comment, Posted if begun else NotPosted)
    assert begun or "closed" in str(done)
    assert done.failures == ()
    assert checks(github) == [(DONE, "failure")]
    assert github.pulls[NUMBER].labels == []
    github.pulls[NUMBER].state = "open"
    Life(life.bot, 813).finish()
    assert len(github.bodies()) == 1
    assert github.pulls[NUMBER].labels == ["perf-regression"]


def test_a_draft_is_told_like_any_other(github: FakeGitHub, life: Life) -> None:
    github.pulls[NUMBER].draft = True
    life.start()
    life.finish()
    assert headlines(github) == ["`test_gpt_train` runs 26.3% slower with this PR"]
    assert github.pulls[NUMBER].labels == ["perf-regression"]


def test_in_a_locked_conversation_the_check_tells(github: FakeGitHub, life: Life) -> None:
    github.locked = True
    life.start()
    done = life.finish()
    assert github.bodies() == []
    assert checks(github) == [(DONE, "failure")]
    assert github.pulls[NUMBER].labels == ["perf-regression"]
    assert "the conversation of pull request acme/models#5 is locked" in str(done)
    assert [type(one) for one in done.failures] == [LockedError]


def test_a_comment_that_somebody_deleted_comes_back_with_the_next_push_only(
    github: FakeGitHub, life: Life
) -> None:
    life.start()
    life.finish()
    github.comments.clear()
    for again in (life, Life(life.bot, attempt=2), Life(life.bot, 813)):
        again.start()
        done = again.finish(SAME)
        assert github.bodies() == []
        assert "somebody deleted our comment" in str(done)
        assert done.failures == ()
    assert checks(github)[-1] == (DONE, "success")
    github.head = OTHER_HEAD
    Life(life.bot, 814, head=OTHER_HEAD).start()
    assert len(github.bodies()) == 1


@pytest.mark.parametrize("place", ["/check-runs", "/comments", "/graphql"])
def test_a_comment_that_another_run_posts_while_we_look_is_not_taken_for_deleted(
    github: FakeGitHub, life: Life, place: str
) -> None:
    def between(verb: str, path: str) -> None:
        if place in path:
            github.before = lambda verb, path: None
            life.finish()

    github.before = between
    Life(life.bot, 813).finish(SAME)
    assert [state.run for state in states(github)] == [813]
    assert checks(github)[-1] == (DONE, "success")
    assert github.pulls[NUMBER].labels == []


def test_a_comment_deleted_before_there_was_a_result_is_written_with_the_result(
    github: FakeGitHub, life: Life
) -> None:
    life.start()
    github.comments.clear()
    life.finish()
    assert headlines(github) == ["`test_gpt_train` runs 26.3% slower with this PR"]


def test_labels_of_others_are_never_touched(github: FakeGitHub, life: Life) -> None:
    github.pulls[NUMBER].labels = ["bug", "perf-regression-wontfix", "perf"]
    life.finish()
    Life(life.bot, 813).finish(acks=(ACK,))
    assert set(github.pulls[NUMBER].labels) == {
        "bug",
        "perf-regression-wontfix",
        "perf",
        "perf-regression",
        "perf-regression-acked",
    }
    Life(life.bot, 814).finish(SAME)
    assert github.pulls[NUMBER].labels == ["bug", "perf-regression-wontfix", "perf"]


def test_two_keys_share_the_labels_and_have_checks_of_their_own(
    github: FakeGitHub, life: Life
) -> None:
    life.finish(key="cpu")
    life.finish(SAME, key="gpu")
    assert github.pulls[NUMBER].labels == ["perf-regression"]
    names = [(check["name"], check["conclusion"]) for check in github.checks.values()]
    assert names == [("perflint (cpu)", "failure"), ("perflint (gpu)", "success")]
    life.finish(SAME, key="cpu")
    assert github.pulls[NUMBER].labels == []


def test_an_acknowledgement_is_remembered_until_it_gets_worse(
    github: FakeGitHub, life: Life
) -> None:
    life.finish()
    life.finish(acks=(ACK,))
    assert "acknowledged by `alice`" in github.bodies()[0]
    assert checks(github) == [(DONE, "neutral")]
    github.head = OTHER_HEAD
    new = Life(life.bot, 813, head=OTHER_HEAD)
    new.start()
    # Nobody has measured this head yet.
    assert github.pulls[NUMBER].labels == ["perf-regression"]
    assert states(github)[0].acks == (ACK,)
    new.finish()
    assert checks(github, OTHER_HEAD) == [(DONE, "neutral")]
    assert set(github.pulls[NUMBER].labels) == {"perf-regression", "perf-regression-acked"}
    worse = replace(SLOWER, comparison=reports.compared(Verdict.SLOWER, -0.4))
    Life(life.bot, 814, head=OTHER_HEAD).finish(worse)
    assert checks(github, OTHER_HEAD)[-1] == (DONE, "failure")
    assert github.pulls[NUMBER].labels == ["perf-regression"]
    assert states(github)[0].acks == ()


ONE = "test_conv_train"  # what a command names


def test_to_measure_one_test_again_takes_no_other_regression_away(
    github: FakeGitHub, life: Life
) -> None:
    worse = reports.timed("test_conv_train", Verdict.SLOWER, -0.1)
    life.finish(SLOWER, worse)
    again = Life(life.bot, 813)
    again.start()
    again.finish(SAME, only=ONE)
    assert headlines(github) == ["1 regression on this commit was not measured again"]
    assert icons(github) == ["🔴"]
    assert "An earlier run on this commit found 1 regression that" in github.bodies()[0]
    # The first check of the same name is the older run's.
    assert [conclusion for _, conclusion in checks(github)] == ["failure", "failure"]
    [_, check] = [github.checks[number] for number in sorted(github.checks)]
    assert check["output"]["title"] == "1 regression on this commit was not measured again"
    assert github.pulls[NUMBER].labels == ["perf-regression"]
    # The same again is no write, and neither is it forgotten with the next such run.
    before = writes(github)
    again.finish(SAME, only=ONE)
    assert writes(github) == before
    Life(life.bot, 814).finish(SAME, only=ONE)
    assert checks(github)[-1] == (DONE, "failure")
    # What looks at everything, or at this one, has the last word.
    Life(life.bot, 815).finish(replace(SLOWER, verdict=Verdict.SAME), only="test_gpt_train")
    assert checks(github)[-1] == (DONE, "success")
    assert github.pulls[NUMBER].labels == []


def test_what_is_left_and_accepted_fails_nothing(github: FakeGitHub, life: Life) -> None:
    life.finish(SLOWER, SAME)
    life.finish(SLOWER, SAME, acks=(ACK,))
    Life(life.bot, 813).finish(SAME, only=ONE)
    assert checks(github)[-1] == (DONE, "neutral")
    assert set(github.pulls[NUMBER].labels) == {"perf-regression", "perf-regression-acked"}
    assert "1 regression, all accepted, that this run did not look at" in github.bodies()[0]


def test_a_new_head_and_a_whole_run_leave_nothing_of_before(github: FakeGitHub, life: Life) -> None:
    life.finish(SLOWER)
    Life(life.bot, 813).finish(SAME)
    assert checks(github)[-1] == (DONE, "success")
    life.finish(SLOWER)
    github.head = OTHER_HEAD
    new = Life(life.bot, 815, head=OTHER_HEAD)
    new.start()
    new.finish(SAME, only=ONE)
    assert checks(github, OTHER_HEAD) == [(DONE, "success")]
    assert github.pulls[NUMBER].labels == []


def test_a_job_of_the_same_name_is_not_taken_for_our_check(github: FakeGitHub, life: Life) -> None:
    life.start()
    [ours] = github.checks.values()
    job = ours | {"id": 999, "external_id": "0b3f-uuid-of-a-job", "output": dict(ours["output"])}
    github.checks[999], github.annotations[999] = job, []
    life.finish()
    assert checks(github) == [(DONE, "failure"), ("in_progress", None)]


def test_without_the_permission_for_checks_the_comment_still_comes(
    github: FakeGitHub, life: Life
) -> None:
    github.accounts[WORKFLOW] = Account("github-actions[bot]", permissions={"checks": "none"})
    life.start()
    done = life.finish()
    assert headlines(github) == ["`test_gpt_train` runs 26.3% slower with this PR"]
    assert github.pulls[NUMBER].labels == ["perf-regression"]
    assert "`checks: " in str(done)


def test_a_token_that_may_only_read_writes_nothing_and_says_what_it_lacks(
    github: FakeGitHub, life: Life
) -> None:
    for done in (life.start(token=READ_ONLY), life.finish(token=READ_ONLY)):
        assert "`pull-requests: write`" in str(done)
        assert "`checks: write`" in str(done)
    assert (github.bodies(), github.checks, github.pulls[NUMBER].labels) == ([], {}, [])


def test_a_comment_has_room_for_all_acknowledgements(github: FakeGitHub, life: Life) -> None:
    acks = tuple(replace(ACK, test=f"perf.py::test_{n}" * 3, reason="é" * 200) for n in range(19))
    many = findings(10_000)
    done = life.finish(acks=(ACK, *acks), findings=many)
    assert done.failures == ()
    [body] = github.bodies()
    assert len(body) <= 65_536
    assert len(states(github)[0].acks) == 20
    [annotations] = github.annotations.values()
    assert len(annotations) == 500


def test_stages_are_told_in_order_whatever_the_order_of_arrival(
    github: FakeGitHub, life: Life
) -> None:
    life.finish()
    life.start()
    life.wait()
    assert states(github)[0].stage is Stage.FINISHED
    assert checks(github) == [(DONE, "failure")]


def test_without_a_look_a_chunk_would_be_added_twice(
    github: FakeGitHub, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    from .server import Fault

    life.start()
    github.faults = [Fault("PATCH", 502, after=True, path="check-runs")]
    life.finish(SAME, findings=findings(60))
    assert [len(kept) for kept in github.annotations.values()] == [60]
    blind = put_check.Checks.update

    def twice(self: put_check.Checks, number: int, content: dict, *, appends: bool) -> object:
        return blind(self, number, content, appends=False)

    monkeypatch.setattr(put_check.Checks, "update", twice)
    other = Life(life.bot, 813)
    other.start()
    github.faults = [Fault("PATCH", 502, after=True, path="check-runs")]
    other.finish(SAME, findings=findings(60))
    assert max(len(kept) for kept in github.annotations.values()) == 110
