"""One comment per pull request and key, whoever writes beside it and however often we run."""

from threading import Barrier, Thread

import pytest
from torch_perflint.bot import post
from torch_perflint.bot.post import Action, Posted
from torch_perflint.bot.sticky import State, read_marker, with_marker

from .conftest import Bot
from .server import BOT, HEAD, Account, FakeGitHub


def words(github: FakeGitHub, author: str = BOT) -> list[str]:
    """Return the first line of each of somebody's comments."""
    return [body.partition("\n")[0] for body in github.bodies(author)]


def test_a_comment_is_posted_once_and_then_edited(github: FakeGitHub, bot: Bot) -> None:
    done = [bot.post("first", 812), bot.post("second", 813), bot.post("third", 814)]
    assert [one.action for one in done] == [Action.POSTED, Action.EDITED, Action.EDITED]
    assert len({one.url for one in done}) == 1
    assert words(github) == ["third"]
    assert [line.partition(" ")[0] for line in github.writes] == ["POST", "PATCH", "PATCH"]


def test_the_comment_that_stands_can_be_read_back(github: FakeGitHub, bot: Bot) -> None:
    bot.post("words", 812, 3)
    [body] = github.bodies()
    assert read_marker(body) == ("default", State(HEAD, "b" * 40, 812, 3))


def test_the_same_report_again_writes_nothing(github: FakeGitHub, bot: Bot) -> None:
    bot.post("words")
    before = list(github.writes)
    again = bot.post("words")
    assert (again.action, again.reason) == (Action.KEPT, "it says this already")
    assert github.writes == before


@pytest.mark.parametrize("ours_at", [0, 99, 100, 130, 249])
def test_ours_is_found_among_more_than_a_hundred_comments(
    github: FakeGitHub, bot: Bot, ours_at: int
) -> None:
    for number in range(250):
        if number == ours_at:
            bot.post("first", 812)
        github.add("maintainer", f"remark {number}")
    assert bot.post("second", 813).action is Action.EDITED
    assert words(github) == ["second"]
    assert len(words(github, "maintainer")) == 250


def test_ours_is_found_in_a_repository_that_was_renamed(github: FakeGitHub, bot: Bot) -> None:
    """On its way to the new address PyGithub loses `per_page`, so that a page is a short one."""
    for number in range(70):
        github.add("somebody", f"comment {number}")
    bot.post("first")
    github.moved = "acme/old-name"
    assert bot.post("second", 813, repository=github.moved).action is Action.EDITED
    assert words(github) == ["second"]
    assert len(github.log) < 30


def test_a_copy_of_our_comment_by_someone_else_stays_as_it_is(github: FakeGitHub, bot: Bot) -> None:
    bot.post("ours", 812)
    [copied] = github.bodies()
    github.comments.clear()
    github.add("contributor", copied)
    assert bot.post("ours", 813).action is Action.POSTED
    assert github.bodies("contributor") == [copied]
    assert words(github) == ["ours"]


def test_a_forged_state_by_someone_else_cannot_keep_us_from_writing(
    github: FakeGitHub, bot: Bot
) -> None:
    github.add("contributor", with_marker("all is well", "default", State(HEAD, "", 10**12)))
    bot.post("slower", 812)
    bot.post("slower still", 813)
    assert words(github) == ["slower still"]


def test_a_comment_of_a_deleted_account_is_nobodys(github: FakeGitHub, bot: Bot) -> None:
    number = github.add(BOT, with_marker("words", "default", State(HEAD, "", 811)))
    github.comments[number]["user"] = None
    del github.comments[number]["body"]
    bot.post("words", 812)
    assert words(github) == ["words"]
    assert len(github.comments) == 2


def test_an_older_run_does_not_replace_a_newer_result(github: FakeGitHub, bot: Bot) -> None:
    bot.post("newer", 813)
    before = list(github.writes)
    late = bot.post("older", 812)
    assert late.action is Action.KEPT
    assert "newer result, of run 813" in late.reason
    assert github.writes == before
    assert words(github) == ["newer"]


def test_after_a_force_push_the_result_for_the_old_head_comes_too_late(
    github: FakeGitHub, bot: Bot
) -> None:
    github.head = "c" * 40
    bot.post("of the new head", 812, head="c" * 40)
    late = bot.post("of the old head", 813, head="d" * 40)
    assert late.action is Action.KEPT
    assert words(github) == ["of the new head"]


def test_two_keys_are_two_comments(github: FakeGitHub, bot: Bot) -> None:
    for run in (812, 813):
        bot.post(f"cpu {run}", run, key="cpu")
        bot.post(f"gpu {run}", run, key="gpu")
    assert words(github) == ["cpu 813", "gpu 813"]


def test_copies_of_our_own_comment_are_deleted_and_the_newest_is_edited(
    github: FakeGitHub, bot: Bot
) -> None:
    for run in (811, 813, 812):
        github.add(BOT, with_marker(f"of {run}", "default", State(HEAD, "", run)))
    newest = list(github.comments)[1]
    bot.post("now", 814)
    assert words(github) == ["now"]
    assert list(github.comments) == [newest]


def test_a_copy_that_cannot_be_deleted_is_said_and_the_comment_stands(
    github: FakeGitHub, bot: Bot
) -> None:
    for run in (810, 811):
        github.add(BOT, with_marker(f"of {run}", "default", State(HEAD, "", run)))

    def forbid(verb: str, path: str) -> None:
        github.accounts["token-of-a-workflow"] = Account(BOT, may_write=verb != "DELETE")

    github.before = forbid
    done = bot.post("now", 812)
    assert done.action is Action.EDITED
    assert "an older copy could not be deleted" in done.note
    assert words(github) == ["of 810", "now"]


def test_a_comment_that_somebody_deletes_while_we_look_is_posted_anew(
    github: FakeGitHub, bot: Bot
) -> None:
    bot.post("first", 812)
    github.before = lambda verb, path: github.comments.clear() if verb == "PATCH" else None
    assert bot.post("second", 813).action is Action.POSTED
    assert words(github) == ["second"]


def _post_at_once(github: FakeGitHub, bot: Bot) -> list[Posted]:
    """Let two runs look before either writes, so that both find nothing and both post."""
    both_looked = Barrier(2, timeout=10)

    def wait(verb: str, path: str) -> None:
        if verb == "POST" and path.endswith("/comments"):
            both_looked.wait()

    github.before = wait
    done: list[Posted] = []
    runs = [
        Thread(target=lambda run=run: done.append(bot.post(f"of {run}", run))) for run in (812, 813)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    return done


def test_of_two_runs_that_post_at_once_the_newer_comment_stays(
    github: FakeGitHub, bot: Bot
) -> None:
    done = _post_at_once(github, bot)
    assert words(github) == ["of 813"]
    [comment] = github.comments.values()
    assert comment["html_url"] in {one.url for one in done}


def test_without_the_second_look_two_runs_at_once_leave_two_comments(
    github: FakeGitHub, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "_only_one", lambda new, *rest: Posted(new.url, Action.POSTED))
    _post_at_once(github, bot)
    assert sorted(words(github)) == ["of 812", "of 813"]


def test_a_first_comment_takes_five_requests_and_an_edit_four(github: FakeGitHub, bot: Bot) -> None:
    bot.post("first", 812)
    assert len(github.log) == 5
    bot.post("second", 813)
    assert len(github.log) == 9


def test_the_bot_of_another_app_and_a_person_are_known_by_their_own_name(
    github: FakeGitHub, bot: Bot
) -> None:
    github.accounts["token-of-an-app"] = Account("perf-team[bot]")
    github.accounts["token-of-a-person"] = Account("maintainer")
    for run in (812, 813):
        bot.post(f"app {run}", run, token="token-of-an-app")
        bot.post(f"person {run}", run, token="token-of-a-person")
    assert words(github, "perf-team[bot]") == ["app 813"]
    assert words(github, "maintainer") == ["person 813"]


def test_where_the_author_is_not_whom_github_said_we_are_the_next_run_still_leaves_one(
    github: FakeGitHub, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch_perflint.bot.github.client.Client.me", lambda client: "someone")
    for run in (812, 813, 814):
        bot.post(f"of {run}", run)
    assert words(github) == ["of 814"]


def test_a_server_of_a_company_is_reached_under_its_own_address(
    github: FakeGitHub, bot: Bot
) -> None:
    done = bot.post("words", api_url=f"{github.url}/api/v3/")
    assert done.action is Action.POSTED
    assert github.log[0] == "POST /api/graphql"
    assert all(line.split()[1].startswith("/api/v3/repos/") for line in github.log[1:])


def test_pages_behind_the_address_of_a_company_are_all_read(github: FakeGitHub, bot: Bot) -> None:
    """The stand-in names addresses as a proxy does that leaves them as they were."""
    for number in range(230):
        github.add("somebody", f"comment {number}")
    where = {"api_url": f"{github.url}/api/v3"}
    assert [bot.post(text, **where).action for text in ("first", "second")] == [
        Action.POSTED,
        Action.EDITED,
    ]
    assert words(github) == ["second"]
    assert all("/api/" in line for line in github.log)
