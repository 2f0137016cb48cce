"""Each construct waits as often as CUDA does, by the reasons written beside it."""

import os
import sysconfig
from collections.abc import Iterator
from typing import Any

import pytest
from torch_perflint.runners.tracing.recorder import Recorder
from torch_perflint.runners.tracing.sites import Sites

torch: Any = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(torch.cuda.is_available(), reason="a shadow is for machines without a GPU"),
]

if not torch.cuda.is_available():
    from .constructs import CONSTRUCTS, FIRST, Construct, given


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """See what this thread does, as if tensors were on a GPU."""
    from torch_perflint.runners.tracing.torch_shadow import Shadow

    stdlib = sysconfig.get_paths()["stdlib"]
    recorder = Recorder(Sites(os.path.dirname(torch.__file__), stdlib))
    shadow = Shadow(recorder)
    shadow.enter()
    try:
        yield recorder
    finally:
        shadow.leave()


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda construct: construct.name)
def test_a_construct_waits_as_often_as_on_cuda(construct: "Construct", recorder: Recorder) -> None:
    tensors = given()
    recorder.forget()
    construct.run(tensors)
    waits = [s for s in recorder.syncs() if s.kind.blocks for _ in range(s.counts.set_up)]
    assert len(waits) == construct.waits, (construct.why, waits)


def test_there_are_as_many_constructs_as_promised() -> None:
    assert len(FIRST) == 54
    assert len(CONSTRUCTS) >= 54 + 60
    assert len({construct.name for construct in CONSTRUCTS}) == len(CONSTRUCTS)
