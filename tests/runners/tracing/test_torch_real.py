"""On a real GPU, PyTorch's own check is heard beside our table. No GPU here: stand-ins."""

import contextlib
import os
import sysconfig
import threading
import warnings
from types import SimpleNamespace
from typing import Any

import pytest
from torch_perflint.runners.tracing.recorder import Recorder
from torch_perflint.runners.tracing.sites import Sites
from torch_perflint.runners.tracing.trace import Kind

torch: Any = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def recorder() -> Recorder:
    return Recorder(Sites(os.path.dirname(torch.__file__), sysconfig.get_paths()["stdlib"]))


def test_a_warning_of_torch_is_put_down_to_the_line_that_waits() -> None:
    from torch_perflint.runners.tracing.torch_real import hear

    seen, shown = recorder(), []
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *rest: shown.append(str(message))  # type: ignore[assignment]
        undo = hear(seen)
        for _ in range(3):
            warnings.warn(
                "called a synchronizing CUDA operation (Triggered internally)", stacklevel=1
            )
        warnings.warn("something else", stacklevel=1)
        undo()
    (sync,) = seen.syncs()
    assert sync.place.path == __file__
    assert sync.counts.set_up == 3
    assert shown == ["something else"]


@pytest.mark.parametrize(
    ("name", "args", "options", "kind"),
    [
        ("_local_scalar_dense", ["gpu"], {}, Kind.WAIT),
        ("_local_scalar_dense", ["cpu"], {}, None),
        ("copy_", ["gpu", "cpu"], {}, Kind.H2D),
        ("copy_", ["cpu", "gpu"], {}, Kind.D2H),
        ("copy_", ["gpu", "gpu"], {}, None),
        ("copy_", ["gpu", "cpu", True], {}, None),
        ("_to_copy", ["cpu"], {"device": "cuda"}, Kind.H2D),
        ("_to_copy", ["gpu"], {"device": "cpu"}, Kind.D2H),
        ("_to_copy", ["gpu"], {"device": "cpu", "non_blocking": True}, None),
        ("_to_copy", ["gpu"], {}, None),
        ("add", ["gpu"], {}, None),
    ],
)
def test_the_same_table_says_what_to_expect(
    name: str, args: list[Any], options: dict[str, Any], kind: Kind | None
) -> None:
    from torch_perflint.runners.tracing.torch_real import expected_cost

    given = [SimpleNamespace(is_cuda=a == "gpu") if isinstance(a, str) else a for a in args]
    found = expected_cost(name, given, options)
    assert (None if found is None else found[0]) is kind


def test_cuda_is_left_alone_until_the_script_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch_perflint.runners.tracing import torch_real

    queued: list[Any] = []
    inner = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]
    monkeypatch.setattr(torch.cuda, "_lazy_call", queued.append)
    monkeypatch.setattr(torch_real, "modes", lambda recorder: contextlib.nullcontext())
    # What it changes for good is put back.
    monkeypatch.setattr(threading.Thread, "_bootstrap_inner", inner)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    with warnings.catch_warnings():
        torch_real.watch_real(recorder(), recorder())
    assert [(call.func, call.args) for call in queued] == [
        (torch.cuda.set_sync_debug_mode, ("warn",))
    ]
    assert threading.Thread._bootstrap_inner is not inner  # type: ignore[attr-defined]


def test_the_modes_of_a_thread_see_operators_and_change_nothing() -> None:
    from torch_perflint.runners.tracing.torch_real import modes

    expected = recorder()
    with modes(expected):
        assert torch.ones(3).sum().item() == 3
    assert expected.syncs() == ()
