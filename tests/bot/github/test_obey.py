"""Commands given twice, too late, by the wrong hands, and on a GitHub that fails."""

import json
from collections.abc import Callable
from dataclasses import replace
from threading import Thread

import pytest
from torch_perflint import PerflintError
from torch_perflint.bot.acks import Ack, still_standing
from torch_perflint.bot.commands.event import read_comment_event
from torch_perflint.bot.commands.run import End
from torch_perflint.bot.github.errors import UnavailableError
from torch_perflint.bot.report import Report, Revision

from ..parsed import parse
from ..reports import CONV, GPT, LOADER, report
from .commanding import Desk, event_of
from .conftest import Bot
from .server import BOT, HEAD, NUMBER, READ_ONLY, Account, FakeGitHub, Fault, Pull

NEXT = "c" * 40
FULL = f"/perflint ok {HEAD}"
ACK = '/perflint ack test_gpt_train "the new head costs this"'


def result(head: str = HEAD) -> Report:
    made = report(GPT, CONV, LOADER)
    return replace(made, head=Revision(head, "HEAD"), created="2026-01-01T00:00:00+00:00")


@pytest.fixture
def desk(github: FakeGitHub, bot: Bot) -> Desk:
    github.roles = {"maintainer": "write", "other": "write"}
    made = Desk(github, bot)
    made.results.told = result()
    return made


def once(github: FakeGitHub, verb: str, path: str, then: Callable[[], None]) -> None:
    """Let something happen just before the first request of this kind."""
    pending = [then]

    def before(asked: str, at: str) -> None:
        if pending and asked == verb and path in at:
            pending.pop()()

    github.before = before


# Edited comments.


def test_an_edited_comment_is_never_obeyed(desk: Desk) -> None:
    asked = desk.write("/perflint help")
    comment = desk.github.comments[asked.comment]
    comment |= {"body": "/perflint run", "updated_at": desk.github.now()}
    assert desk.obey(replace(asked, body="/perflint run")).end is End.REFUSED
    assert desk.measuring.started == {}
    assert desk.signs(asked) == ["eyes", "confused"]
    assert "edited" in desk.replies[0]


def test_an_edit_within_the_same_second_is_seen_by_the_text(desk: Desk) -> None:
    asked = desk.write("/perflint run")
    desk.github.comments[asked.comment]["body"] = "/perflint run all"
    assert desk.obey(asked).end is End.REFUSED
    assert desk.measuring.started == {}


def test_the_event_of_an_edit_or_of_an_issue_is_none_of_ours(desk: Desk) -> None:
    number = desk.github.add("maintainer", "/perflint run")
    edited = read_comment_event(event_of(desk.github, number, action="edited"))
    assert edited == "a comment that is edited gives no commands"
    issue = read_comment_event(event_of(desk.github, number, pull_request=None))
    assert issue == "it stands on an issue, not on a pull request"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"action": "created"}', "[" * 100_000])
def test_what_is_no_event_of_a_comment_is_said(text: str) -> None:
    with pytest.raises(PerflintError, match="the event is n"):
        read_comment_event(text)


def test_a_comment_that_is_gone_or_of_another_thread_gives_no_command(desk: Desk) -> None:
    asked = desk.write("/perflint run")
    desk.github.pulls[6] = Pull(6)
    assert desk.obey(replace(asked, pull=6)).end is End.IGNORED
    del desk.github.comments[asked.comment]
    assert desk.obey(asked).end is End.GONE
    assert desk.github.writes == []


def test_what_a_user_lets_an_app_write_is_not_taken_for_their_word(desk: Desk) -> None:
    asked = desk.write("/perflint run")
    app = {"id": 7, "slug": "helper", "name": "helper"}
    desk.github.comments[asked.comment] |= {"performed_via_github_app": _integration(app)}
    assert desk.obey(asked).end is End.IGNORED
    assert desk.github.writes == []


def _integration(facts: dict[str, object]) -> dict[str, object]:
    from .description import example, models

    return example(models.Integration) | facts


def test_the_association_that_an_event_claims_counts_for_nothing(desk: Desk) -> None:
    number = desk.github.add("passer-by", "/perflint run")
    event = json.loads(event_of(desk.github, number))
    event["comment"]["author_association"] = "OWNER"
    asked = read_comment_event(json.dumps(event))
    assert not isinstance(asked, str)
    assert desk.obey(asked).end is End.REFUSED
    assert desk.measuring.started == {}


# Commits.


def test_a_push_between_approval_and_dispatch_ends_the_approval(desk: Desk) -> None:
    desk.github.pulls[NUMBER] = Pull(owner="stranger", repository_id=9)
    asked = desk.write(FULL)

    def push() -> None:
        desk.github.head = NEXT

    once(desk.github, "POST", "/reactions", push)
    assert desk.obey(asked).end is End.REFUSED
    assert desk.measuring.started == {}
    assert "pushed to meanwhile: head is `cccccccccccc`" in desk.replies[0]


def test_a_push_before_we_look_refuses_the_approval(desk: Desk) -> None:
    asked = desk.write(f"/perflint ok {HEAD[:7]}")
    desk.github.head = NEXT
    assert desk.obey(asked).end is End.REFUSED
    assert desk.measuring.started == {}


def test_what_is_measured_is_the_full_hash_whatever_is_pushed_then(desk: Desk) -> None:
    """What comes after the dispatch is the workflow's to verify: it has all forty digits."""
    desk.github.pulls[NUMBER] = Pull(owner="stranger", repository_id=9)
    asked = desk.write(f"/perflint ok {HEAD[:9]}")
    assert desk.obey(asked).end is End.DONE
    desk.github.head = NEXT
    assert desk.measuring.started == {asked.comment: (NUMBER, HEAD, ())}


def test_a_commit_made_to_begin_alike_takes_no_approval(desk: Desk) -> None:
    """Two commits whose hashes share seven digits are made in seconds: one shown, one pushed."""
    shown, pushed = f"{'a' * 7}{'1' * 33}", f"{'a' * 7}{'2' * 33}"
    desk.github.lookalikes = [shown, pushed]
    desk.github.pulls[NUMBER] = Pull(head=pushed, owner="stranger", repository_id=9)
    assert desk.command(f"/perflint ok {shown[:7]}").end is End.REFUSED
    assert desk.measuring.started == {}
    assert f"`/perflint ok {pushed}`" in desk.replies[0]


def test_a_pull_request_that_is_closed_meanwhile_is_not_measured(desk: Desk) -> None:
    asked = desk.write("/perflint run")

    def close() -> None:
        desk.github.pulls[NUMBER].state = "closed"

    once(desk.github, "POST", "/reactions", close)
    assert desk.obey(asked).end is End.REFUSED
    assert desk.measuring.started == {}


def test_what_was_done_before_a_refusal_is_told(desk: Desk) -> None:
    asked = desk.write("/perflint cancel\n/perflint run")

    def push() -> None:
        desk.github.head = NEXT

    once(desk.github, "POST", "/reactions", push)
    assert desk.obey(asked).end is End.REFUSED
    assert (desk.measuring.cancelled, desk.measuring.started) == (1, {})
    assert "only a part" in desk.replies[0]
    assert "but what was under way was ended" in desk.replies[0]


# Twice.


@pytest.mark.parametrize("body", ["/perflint run", "/perflint help", "/perflint rnu", ACK])
@pytest.mark.parametrize("again", [False, True])
def test_a_second_delivery_does_nothing_again(desk: Desk, body: str, again: bool) -> None:
    asked = desk.write(body)
    desk.obey(asked)
    before = list(desk.github.writes), dict(desk.measuring.started), desk.results.writes
    assert desk.obey(asked, again=again).end is End.BEFORE
    [*_, eyes] = desk.github.writes
    assert eyes.endswith("/reactions")
    assert (desk.github.writes[:-1], desk.measuring.started, desk.results.writes) == before
    assert len(desk.replies) <= 1


def test_two_deliveries_at_once_do_it_once(desk: Desk) -> None:
    asked = desk.write("/perflint cancel")
    ends: list[End] = []
    both = [Thread(target=lambda: ends.append(desk.obey(asked).end)) for _ in range(4)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(end.value for end in ends) == ["answered before"] * 3 + ["done"]


def test_a_try_that_ended_in_the_middle_is_taken_up(desk: Desk) -> None:
    asked = desk.write("/perflint run")
    desk.github.faults = [Fault("GET", 502, path="/pulls/") for _ in range(10)]
    once(desk.github, "POST", "/reactions", lambda: None)
    desk.github.faults = []

    def fail() -> None:
        desk.github.faults = [Fault("GET", 502, path="/pulls/") for _ in range(5)]

    once(desk.github, "POST", "/reactions", fail)
    with pytest.raises(UnavailableError):
        desk.obey(asked)
    assert desk.signs(asked) == ["eyes"]
    assert desk.measuring.started == {}
    assert desk.obey(asked).end is End.BEFORE  # who does not know that it ended leaves it alone
    assert desk.measuring.started == {}
    assert desk.obey(asked, again=True).end is End.DONE
    assert desk.signs(asked) == ["eyes", "rocket"]
    assert len(desk.measuring.started) == 1


def test_a_try_that_ended_before_its_receipt_starts_nothing_again(desk: Desk) -> None:
    asked = desk.write("/perflint cancel\n/perflint help")

    def fail() -> None:
        faults = [Fault("POST", 502, after=False, path="/reactions") for _ in range(10)]
        desk.github.faults = faults

    once(desk.github, "POST", "/issues/5/comments", fail)
    with pytest.raises(UnavailableError):
        desk.obey(asked)
    desk.github.faults = []
    assert desk.obey(asked, again=True).end is End.DONE
    assert desk.measuring.cancelled == 1
    assert len(desk.replies) == 1


@pytest.mark.parametrize("body", ["/perflint run", "/perflint help", "/perflint rnu"])
def test_an_answer_that_gets_lost_leaves_no_second_one(desk: Desk, body: str) -> None:
    """GitHub keeps each thing we write and then fails: nothing is written twice, or left undone."""
    desk.github.faults = [
        Fault("POST", 502, after=True, path="/reactions"),
        Fault("POST", 502, after=True, path="/comments"),
        Fault("POST", 502, after=True, path="/reactions"),
    ]
    asked = desk.write(body)
    assert desk.obey(asked).end in (End.DONE, End.REFUSED)
    assert len(desk.replies) == (body != "/perflint run")
    assert len(desk.measuring.started) == (body == "/perflint run")
    assert len(desk.signs(asked)) == 2


# Replies.


def test_a_reply_holds_nothing_of_theirs_outside_of_code(desk: Desk) -> None:
    hostile = "@maintainer,closes,#5,![x](https://e.com/x.png),<img/src=x>,`[a](b)`"
    for body in (f"/perflint {hostile}", f"/perflint run {hostile}"):
        desk.command(body)
    desk.results.told = None
    for reply in desk.replies:
        seen = parse(reply)
        assert seen.links == []
        assert "img" not in seen.tags
        assert "@" not in seen.text
        assert "#5" not in seen.text


def test_a_slip_is_told_what_was_meant(desk: Desk) -> None:
    desk.command("/perflint rnu")
    desk.command('/perflint ack test_gtp_train "a slip"')
    desk.command('/perflint ack test_loader_train "nothing to accept"')
    slip, test, none = desk.replies
    assert "did you mean `/perflint run`?" in slip
    assert "did you mean `test_gpt_train`?" in test
    assert "did not regress" in none


def test_help_names_every_command(desk: Desk) -> None:
    desk.command("/perflint help")
    [told] = desk.replies
    for word in ("run", "rerun", "ok", "ack", "unack", "cancel"):
        assert f"`/perflint {word}" in told
    assert parse(told).cells == [3] * 7


def test_a_stranger_costs_one_reaction_and_gets_no_words(desk: Desk) -> None:
    for _ in range(3):
        desk.command("/perflint run", by="passer-by")
    assert desk.replies == []
    assert [line.split()[0] for line in desk.github.writes] == ["POST"] * 3


def test_who_asked_for_too_much_is_told_so_and_gets_nothing(desk: Desk) -> None:
    asked = replace(desk.write("/perflint run"), over_quota=True)
    assert desk.obey(asked).end is End.REFUSED
    assert desk.measuring.started == {}
    assert "too much" in desk.replies[0]


def test_someone_who_writes_our_marker_does_not_keep_us_from_answering(desk: Desk) -> None:
    asked = desk.write("/perflint help")
    desk.github.add("passer-by", f"x\n\n<!-- perflint:reply v1 to={asked.comment} -->")
    desk.github.faults = [Fault("POST", 502, path="/issues/5/comments")]
    desk.obey(asked)
    assert len(desk.replies) == 1


def test_a_run_takes_seven_requests_and_three_writes_at_most(desk: Desk) -> None:
    desk.command("/perflint run")
    assert len(desk.github.log) == 6  # the dispatch, which is not GitHub's here, is the seventh
    assert len(desk.github.writes) == 2


# Acknowledgements.


def test_an_acknowledgement_says_who_when_why_what_and_how_much(desk: Desk) -> None:
    asked = desk.write(ACK)
    desk.obey(asked)
    [ack] = desk.results.accepted
    assert GPT.comparison
    assert ack == Ack(
        test="perf_tests/test_gpt.py::test_gpt_train",
        reason="the new head costs this",
        by="maintainer",
        at=desk.github.comments[asked.comment]["created_at"],
        head=HEAD,
        change=GPT.comparison.change,
        low=GPT.comparison.low,
        high=GPT.comparison.high,
    )
    assert still_standing((ack,), result()) == (ack,)
    assert desk.replies == []  # the comment shows it


def test_two_who_acknowledge_at_once_both_count(desk: Desk) -> None:
    """Somebody else's write comes between our reading and our writing, and would be lost."""
    other = Ack(
        "x::test_other", "theirs", "other", "2026-01-02T00:00:00Z", HEAD, -0.1, -0.11, -0.09
    )
    accept, interruptions = desk.results.accept, [True]

    def late(pull: int, acks: tuple[Ack, ...]) -> None:
        accept(pull, acks)
        if interruptions.pop() if interruptions else False:
            desk.results.accepted = (other,)  # written from what they had read before

    desk.results.accept = late  # type: ignore[method-assign]
    desk.command(ACK)
    assert {ack.by for ack in desk.results.accepted} == {"maintainer", "other"}


def test_a_token_that_may_not_react_does_nothing(desk: Desk) -> None:
    asked = desk.write("/perflint run")
    with pytest.raises(PerflintError, match="`pull-requests: write`"):
        desk.obey(asked, token=READ_ONLY)
    assert desk.measuring.started == {}


def test_a_permission_that_is_missing_in_the_middle_is_told_to_who_asked(desk: Desk) -> None:
    desk.github.accounts["token-of-a-workflow"] = Account(BOT, permissions={"contents": "none"})
    assert desk.command(f"/perflint ok {HEAD[:7]}").end is End.REFUSED
    assert "`contents: read`" in desk.replies[0]
    assert desk.measuring.started == {}
