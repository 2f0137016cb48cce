"""What a process does is put down to the line that did it, and to the step."""

import os
import sys
import types
from types import FrameType

from torch_perflint.runners.tracing.recorder import Recorder
from torch_perflint.runners.tracing.sites import Sites
from torch_perflint.runners.tracing.trace import Counts, Frame, Kind

FOLDER = os.path.dirname(os.path.abspath(__file__))
SITES = Sites("/env/site-packages/torch", "/usr/lib/python3.11")


def recorder() -> Recorder:
    return Recorder(SITES)


def wait(here: Recorder) -> None:
    here.record(Kind.WAIT, "item()", "why", sys._getframe())


def counts(here: Recorder) -> Counts:
    (sync,) = here.syncs()
    return sync.counts


def frames_of(*files: str) -> FrameType:
    """Return the innermost frame of functions in these files, which call each other in turn."""
    source = "import sys\ndef f(rest):\n    return rest[0](rest[1:]) if rest else sys._getframe()\n"
    called = []
    for file in files:
        module = types.ModuleType("made_up")
        exec(compile(source, file, "exec"), module.__dict__)
        called.append(module.f)
    frame = called[0](called[1:])
    assert isinstance(frame, FrameType)
    return frame


def test_set_up_steps_and_what_comes_after_are_told_apart() -> None:
    here = recorder()
    wait(here)
    here.began_training()
    wait(here)
    for _ in range(3):
        here.stepped("SGD")
        wait(here)
    assert counts(here) == Counts(set_up=1, first=1, steady={2: 1, 3: 1}, after=1)


def test_two_optimizers_in_turn_make_one_step() -> None:
    here = recorder()
    here.began_training()
    for _ in range(4):
        here.stepped("generator")
        wait(here)
        here.stepped("discriminator")
        wait(here)
    assert here.steps == 4
    assert counts(here) == Counts(first=0, steady={2: 2, 3: 2, 4: 2}, after=2)


def test_without_a_step_all_is_set_up() -> None:
    here = recorder()
    wait(here)
    assert counts(here) == Counts(set_up=1)


def test_a_forked_child_begins_anew() -> None:
    here = recorder()
    here.stepped("SGD")
    wait(here)
    here.forget()
    assert (here.steps, here.syncs()) == (0, ())


def test_the_place_is_the_innermost_line_outside_of_torch() -> None:
    chain = SITES.chain(
        frames_of("/me/train.py", "/env/site-packages/a.py", "/env/site-packages/torch/amp.py")
    )
    assert chain[:2] == (
        Frame("/env/site-packages/a.py", 3, "f"),
        Frame("/me/train.py", 3, "f"),
    )
    assert SITES.own(chain) == Frame("/me/train.py", 3, "f")


def test_a_line_of_python_s_own_is_not_the_user_s() -> None:
    chain = SITES.chain(frames_of("/me/train.py", "/usr/lib/python3.11/copy.py"))
    assert chain[0].path == "/usr/lib/python3.11/copy.py"
    assert SITES.own(chain) == Frame("/me/train.py", 3, "f")


def test_what_torch_itself_does_for_nothing_is_no_news() -> None:
    here = recorder()
    here.record_free("item()", "it is on the CPU", frames_of("/env/site-packages/torch/adam.py"))
    assert here.syncs() == ()
    frame = frames_of("/me/train.py")
    for _ in range(3):
        here.record_free("item()", "it is on the CPU", frame)
    assert counts(here) == Counts(set_up=1)
    assert [sync.kind for sync in here.syncs()] == [Kind.NONE]


def test_a_notice_is_kept_once() -> None:
    here = recorder()
    here.notice("compile is off")
    here.notice("compile is off")
    assert here.notices == ["compile is off"]
