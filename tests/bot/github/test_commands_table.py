"""Bodies × people × states: what becomes of each, over HTTP, and what of it runs."""

from dataclasses import replace

import pytest
from torch_perflint.bot.acks import acknowledge
from torch_perflint.bot.commands.event import read_comment_event
from torch_perflint.bot.report import Report, Revision

from ..reports import CONV, GPT, LOADER, report
from .commanding import Desk, event_of
from .conftest import Bot
from .server import HEAD, NUMBER, FakeGitHub, Pull

OTHER = "c" * 40
FORK = {"owner": "stranger", "repository_id": 9}
BEFORE = "2026-01-01T00:00:00+00:00"


def result(head: str = HEAD, created: str = BEFORE) -> Report:
    """A result with two regressions: one slower, one whose counter grew."""
    return replace(report(GPT, CONV, LOADER), head=Revision(head, "HEAD"), created=created)


# People: the author of the pull request may read only, as whoever pushes from a fork.
PEOPLE = {
    "maintainer": "write",
    "owner": "admin",
    "lead": "maintain",
    "helper": "triage",
    "contributor": "read",
    "passer-by": "read",
    "outsider": "none",
}
NONE: tuple[str, ...] = ()
ACK = '/perflint ack test_gpt_train "the new head costs this"'
FULL = f"/perflint ok {HEAD}"

# body, who, state of the pull request, what becomes of it: started tests (a tuple), "stop", "acks",
# "help", "refused" (with words), "silent" (😕 without words), "nothing" (no trace at all).
TABLE = [
    # Who may what.
    ("/perflint run", "maintainer", {}, NONE),
    ("/perflint run", "owner", {}, NONE),
    ("/perflint run", "lead", {}, NONE),
    ("/perflint run", "helper", {}, "silent"),
    ("/perflint run", "contributor", {}, "refused"),
    ("/perflint run", "passer-by", {}, "silent"),
    ("/perflint run", "outsider", {}, "silent"),
    ("/perflint run", "github-actions[bot]", {}, "nothing"),
    ("/perflint run", "renovate[bot]", {}, "nothing"),
    ("/perflint run", "", {}, "nothing"),
    ("/perflint run all", "maintainer", {}, ("all",)),
    ("/perflint run test_a test_b", "maintainer", {}, ("test_a", "test_b")),
    ("/perflint rerun", "maintainer", {}, NONE),
    ("/perflint rerun test_a[64-True]", "maintainer", {}, ("test_a[64-True]",)),
    ("/perflint rerun", "contributor", {}, "refused"),
    ("/perflint rerun", "passer-by", {}, "silent"),
    ("/perflint cancel", "maintainer", {}, "stop"),
    ("/perflint cancel", "contributor", {}, "stop"),
    ("/perflint cancel", "passer-by", {}, "silent"),
    ("/perflint cancel", "maintainer", {"under_way": 0}, "refused"),
    ("/perflint help", "maintainer", {}, "help"),
    ("/perflint help", "contributor", {}, "help"),
    ("/perflint help", "passer-by", {}, "silent"),
    ("/perflint", "maintainer", {}, "help"),
    (ACK, "maintainer", {}, "acks"),
    (ACK, "contributor", {}, "refused"),
    (ACK, "passer-by", {}, "silent"),
    ("/perflint unack test_gpt_train", "maintainer", {"acked": True}, "acks"),
    ("/perflint unack test_gpt_train", "contributor", {"acked": True}, "refused"),
    ("/perflint unack test_gpt_train", "maintainer", {}, "refused"),
    # A fork's code runs at a commit that somebody who may write has named.
    (FULL, "maintainer", FORK, NONE),
    (f"/perflint ok {HEAD[:7]}", "maintainer", FORK, NONE),
    (f"/perflint ok {HEAD[:20].upper()}", "maintainer", FORK, NONE),
    (FULL, "contributor", FORK, "refused"),
    (FULL, "passer-by", FORK, "silent"),
    (f"/perflint ok {HEAD[:6]}", "maintainer", FORK, "refused"),
    (f"/perflint ok {HEAD}a", "maintainer", FORK, "refused"),
    (f"/perflint ok {OTHER}", "maintainer", FORK, "refused"),
    (f"/perflint ok {OTHER[:7]}", "maintainer", FORK, "refused"),
    ("/perflint ok", "maintainer", FORK, "refused"),
    ("/perflint ok main", "maintainer", FORK, "refused"),
    ("/perflint ok HEAD", "maintainer", FORK, "refused"),
    (f"/perflint ok {HEAD[:7]}", "maintainer", {**FORK, "twin": True}, "refused"),
    (FULL, "maintainer", {**FORK, "twin": True}, NONE),
    ("/perflint run", "maintainer", FORK, "refused"),
    ("/perflint run all", "owner", FORK, "refused"),
    ("/perflint rerun", "maintainer", FORK, "refused"),
    ("/perflint run", "contributor", FORK, "refused"),
    ("/perflint cancel", "contributor", FORK, "stop"),
    ("/perflint run", "maintainer", {"repository_id": 0}, "refused"),  # the fork was deleted
    # A pull request that is closed, a draft, or pushed to.
    ("/perflint run", "maintainer", {"state": "closed"}, "refused"),
    (FULL, "maintainer", {"state": "closed"}, "refused"),
    (ACK, "maintainer", {"state": "closed"}, "refused"),
    ("/perflint help", "maintainer", {"state": "closed"}, "refused"),
    ("/perflint run", "maintainer", {"draft": True}, NONE),
    (ACK, "maintainer", {"head": OTHER}, "refused"),
    (ACK, "maintainer", {"result": None}, "refused"),
    (ACK, "maintainer", {"result": result(created="2026-12-31T00:00:00+00:00")}, "refused"),
    (ACK, "maintainer", {"result": result(created="yesterday")}, "refused"),
    # What is no reason, no test, no regression.
    ("/perflint ack test_gpt_train", "maintainer", {}, "refused"),
    ('/perflint ack test_gpt_train ""', "maintainer", {}, "refused"),
    ('/perflint ack test_gpt_train "x"', "maintainer", {}, "refused"),
    ("/perflint ack test_gpt_train no quotes", "maintainer", {}, "refused"),
    (f'/perflint ack test_gpt_train "{"x" * 201}"', "maintainer", {}, "refused"),
    ('/perflint ack test_gpt_train "hidden\u202e words"', "maintainer", {}, "refused"),
    ('/perflint ack all "everything"', "maintainer", {}, "refused"),
    ('/perflint ack test_loader_train "it did not regress"', "maintainer", {}, "refused"),
    ('/perflint ack test_gtp_train "a slip"', "maintainer", {}, "refused"),
    ("/perflint ack test_gpt_train “typed on a phone”", "maintainer", {}, "acks"),
    # Slips, and words that no shell should see.
    ("/perflint rnu", "maintainer", {}, "refused"),
    ("/perflint approve", "contributor", {}, "refused"),
    ("/perflint approve", "passer-by", {}, "silent"),
    ("/perflint run $(id)", "maintainer", {}, "refused"),
    ("/perflint run --help", "maintainer", {}, "refused"),
    ("/perflint run a;id", "maintainer", {}, "refused"),
    ("/perflint run all test_a", "maintainer", {}, "refused"),
    ("/perflint cancel now", "maintainer", {}, "refused"),
    # Several: all or none.
    (f"{ACK}\n/perflint run", "maintainer", {}, NONE),
    (f"{ACK}\n/perflint rnu", "maintainer", {}, "refused"),
    (f"/perflint cancel\n{FULL}", "contributor", {}, "refused"),
    ("/perflint run\n/perflint rerun", "maintainer", {}, "refused"),
    ("/perflint run\n\n/perflint run\n", "maintainer", {}, NONE),
    # Told about a command, and none given.
    ("> /perflint run", "maintainer", {}, "nothing"),
    ("> /perflint run\n\nNo, better not.", "maintainer", {}, "nothing"),
    ("> see\n/perflint run", "maintainer", {}, "nothing"),  # a lazy line of the quote
    ("```\n/perflint run\n```", "maintainer", {}, "nothing"),
    ("~~~text\n/perflint run", "maintainer", {}, "nothing"),
    ("    /perflint run", "maintainer", {}, "nothing"),
    ("Write `/perflint run`", "maintainer", {}, "nothing"),
    ("`/perflint run`", "maintainer", {}, "nothing"),
    ("please /perflint run", "maintainer", {}, "nothing"),
    ("# /perflint run", "maintainer", {}, "nothing"),
    ("/perflint run\n===", "maintainer", {}, "nothing"),
    ("- /perflint run", "maintainer", {}, "nothing"),
    ("1. /perflint run", "maintainer", {}, "nothing"),
    ("<!-- /perflint run -->", "maintainer", {}, "nothing"),
    ("<!--\n\n/perflint run\n\n-->", "maintainer", {}, "nothing"),
    ("text <!--\n/perflint run\n-->", "maintainer", {}, "nothing"),
    ("[/perflint run](https://example.com)", "maintainer", {}, "nothing"),
    ("![/perflint run](x.png)", "maintainer", {}, "nothing"),
    ("| /perflint run |\n|:--|\n| /perflint run |", "maintainer", {}, "nothing"),
    ("/perflint run\n|--|", "maintainer", {}, "refused"),  # a table to GitHub alone
    ("On Monday, somebody wrote:\n/perflint run", "maintainer", {}, "nothing"),
    ("-----Original Message-----\n/perflint run", "maintainer", {}, "nothing"),
    ("/perflint.yml is the workflow", "maintainer", {}, "nothing"),
    ("/perflint/run", "maintainer", {}, "nothing"),
    # It looks like a command in plain text, and is not.
    ("/p\u0435rflint run", "maintainer", {}, "nothing"),  # a Cyrillic letter
    ("/perf\u200blint run", "maintainer", {}, "nothing"),
    ("\u200b/perflint run", "maintainer", {}, "nothing"),
    ("/perflint r\u200bun", "maintainer", {}, "refused"),
    ("/perflint\u00a0run", "maintainer", {}, "refused"),
    ("/perflint run t\u0435st_a", "maintainer", {}, "refused"),
    (f"/perflint ok \u0430{HEAD[1:]}", "maintainer", FORK, "refused"),
    ("/perflint ok １２３４５６７", "maintainer", FORK, "refused"),
    ("&#47;perflint run", "maintainer", {}, "nothing"),
    ("/perflint r&#117;n", "maintainer", {}, "refused"),
    ("/perflint **run**", "maintainer", {}, "refused"),
    ("~~x\n/perflint run\nx~~", "maintainer", {}, "refused"),
    ("[x\n/perflint run\n](https://example.com)", "maintainer", {}, "refused"),
    ("<details>\n\n/perflint run\n\n</details>", "maintainer", {}, "refused"),
    ("<b>\n/perflint run\n</b>", "maintainer", {}, "nothing"),
    ("x <b>\n/perflint run\n</b>", "maintainer", {}, "refused"),
    (
        "/perflint run\n\nReply to this email directly, view it on GitHub",
        "maintainer",
        {},
        "refused",
    ),
    ("/perflint run\n" + "x" * 20_000, "maintainer", {}, "refused"),
]


def prepare(desk: Desk, state: dict[str, object]) -> None:
    """Bring GitHub into the state of a row."""
    github = desk.github
    github.roles |= PEOPLE
    told = state.get("result", result())
    assert told is None or isinstance(told, Report)
    desk.results.told = told
    if state.get("acked"):
        acks = acknowledge((), result(), "test_gpt_train", "as before", by="x", at=BEFORE)
        assert isinstance(acks, tuple)
        desk.results.accepted = acks
    if state.get("twin"):
        github.lookalikes.append(f"{HEAD[:7]}{OTHER[7:]}")
    desk.measuring.under_way = int(str(state.get("under_way", 1)))
    own = {"result", "acked", "twin", "under_way"}
    github.pulls[NUMBER] = Pull(**{k: v for k, v in state.items() if k not in own})  # type: ignore[arg-type]


@pytest.fixture
def desk(github: FakeGitHub, bot: Bot) -> Desk:
    return Desk(github, bot)


@pytest.mark.parametrize(
    ("body", "who", "state", "comes"),
    TABLE,
    ids=[f"{n}-{who}-{body[:30]!r}" for n, (body, who, _, _) in enumerate(TABLE)],
)
def test_what_becomes_of_a_comment(
    desk: Desk, body: str, who: str, state: dict[str, object], comes: object
) -> None:
    prepare(desk, state)
    before = desk.results.accepted
    number = desk.github.add(who, body)
    if not who:
        desk.github.comments[number]["user"] = None
    asked = read_comment_event(event_of(desk.github, number))
    if not isinstance(asked, str):
        desk.obey(asked)
    signs = [one["content"] for one in desk.github.reactions.get(number, [])]
    replies = desk.github.bodies()
    if who == "github-actions[bot]":
        replies.remove(body)

    started = comes if isinstance(comes, tuple) else None
    assert signs == {
        "nothing": [],
        "silent": ["confused"],
        "refused": ["eyes", "confused"],
    }.get(str(comes), ["eyes", "rocket"])
    assert len(replies) == (comes in ("refused", "help"))
    assert desk.measuring.started == ({} if started is None else {number: (NUMBER, HEAD, started)})
    assert desk.measuring.cancelled == (comes == "stop")
    changed = desk.results.accepted != before
    assert changed == (comes == "acks" or (started is not None and ACK in body))


def test_the_table_is_as_long_as_the_bar_asks() -> None:
    assert len(TABLE) >= 40
    assert {row[1] for row in TABLE} >= {*PEOPLE}
