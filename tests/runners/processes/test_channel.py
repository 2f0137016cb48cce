"""Messages between the coordinator and a worker."""

import os
import threading
from collections.abc import Iterator

import pytest
from torch_perflint.runners.processes import channel
from torch_perflint.runners.processes.channel import Channel, Closed, TooSlow


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    (a_reads, b_writes), (b_reads, a_writes) = os.pipe(), os.pipe()
    yield Channel(a_reads, a_writes), Channel(b_reads, b_writes)
    for descriptor in (a_reads, a_writes, b_reads, b_writes):
        try:
            os.close(descriptor)
        except OSError:
            continue  # closed by the test


def test_messages_arrive_whole_and_in_order(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    for number in range(3):
        ours.send({"number": number, "text": "zwei\nZeilen ü"})
    assert [theirs.receive(1)["number"] for _ in range(3)] == [0, 1, 2]
    theirs.send({"ok": True})
    assert ours.receive() == {"ok": True}


def test_a_message_larger_than_the_pipe_arrives(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    large = {"files": "x" * 1_000_000}
    sender = threading.Thread(target=ours.send, args=(large,))
    sender.start()
    assert theirs.receive(10) == large
    sender.join()


def test_silence_is_too_slow_and_does_not_lose_what_comes_later(
    ends: tuple[Channel, Channel],
) -> None:
    ours, theirs = ends
    with pytest.raises(TooSlow):
        theirs.receive(0.01)
    ours.send({"late": 1})
    assert theirs.receive(1) == {"late": 1}


def test_half_a_message_is_too_slow_as_well() -> None:
    reads, writes = os.pipe()
    os.write(writes, b'{"half":')
    channel = Channel(reads, writes)
    with pytest.raises(TooSlow):
        channel.receive(0.01)
    os.write(writes, b"1}\n")
    assert channel.receive(1) == {"half": 1}
    channel.close()


def test_an_end_that_is_gone_is_noticed_on_both_ways(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    theirs.close()
    with pytest.raises(Closed):
        ours.receive(1)
    with pytest.raises(Closed):
        ours.send({"anybody": "there"})


def test_an_end_whose_process_is_gone_is_no_silence(
    ends: tuple[Channel, Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although something else still holds its end; what it said before is heard."""
    monkeypatch.setattr(channel, "_LOOK_SECONDS", 0.01)
    ours, theirs = ends
    theirs.send({"last": "words"})
    assert ours.receive(10, lambda: True) == {"last": "words"}
    with pytest.raises(Closed):
        ours.receive(10, lambda: True)
    with pytest.raises(TooSlow):
        ours.receive(0.05, lambda: False)
