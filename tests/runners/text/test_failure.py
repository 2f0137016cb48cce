"""Tracebacks as people read them: the repository's own frames, and where the error was raised."""

from torch_perflint.runners.text.failure import own_frames

PERFLINT = """\
/venv/lib/python3.11/site-packages/torch_perflint/runners/processes/pytest_plugin.py:66: in __call__
    self._driver.drive(step)
/venv/lib/python3.11/site-packages/torch_perflint/runners/processes/pulse.py:32: in __call__
    result = self._step()
             ^^^^^^^^^^^^
"""
OWN = """\
perf_tests/test_train.py:17: in step
    train_step(model, optimizer, x, y)
mytrain/train.py:8: in train_step
    loss.backwards()
    ^^^^^^^^^^^^^^
"""
ERROR = "E   AttributeError: 'Tensor' object has no attribute 'backwards'"


def test_frames_between_the_users_are_counted_and_left_out() -> None:
    start = "perf_tests/test_train.py:19: in test_net_train\n    perf(step)\n"
    shown = own_frames(start + PERFLINT + OWN + ERROR)
    assert shown == f"{start}… 2 frames outside the repository left out\n{OWN}{ERROR}"


def test_what_the_users_last_frame_called_is_kept() -> None:
    torch = "/venv/lib/python3.11/site-packages/torch/nn/modules/linear.py:134: in forward\n    x\n"
    assert own_frames(PERFLINT + OWN + torch + ERROR) == (
        f"… 2 frames outside the repository left out\n{OWN}{torch}{ERROR}"
    )


def test_of_a_syntax_error_only_the_place_is_left() -> None:
    details = """\
/venv/lib/python3.11/site-packages/_pytest/pathlib.py:640: in import_path
    importlib.import_module(module_name)
/usr/lib/python3.11/importlib/__init__.py:126: in import_module
    return _bootstrap._gcd_import(name[level:], package, level)
<frozen importlib._bootstrap>:1204: in _gcd_import
    ???
/usr/lib/python3.11/ast.py:50: in parse
    return compile(source, filename, mode, flags,
E     File "perf_tests/test_train.py", line 9
E       def test_net_train(perf:
E                         ^
E   SyntaxError: '(' was never closed"""
    shown = own_frames(details).splitlines()
    assert shown[0] == "… 4 frames outside the repository left out"
    assert shown[1:] == details.splitlines()[-4:]


def test_text_that_is_no_traceback_stays_as_it_is() -> None:
    for text in ("", "no sign of life", "a\n\n  b\nc: d", "x.py:3: AssertionError\n  y"):
        assert own_frames(text) == text
    assert own_frames("perf.py:3: in f\n    g()\n\n---- Captured stdout ----\n/x:1: out") == (
        "perf.py:3: in f\n    g()\n\n---- Captured stdout ----\n/x:1: out"
    )
