"""A trace is told so that its reader knows the line, the count and the reason."""

from torch_perflint.runners.tracing.findings import StaticFinding
from torch_perflint.runners.tracing.rhythm import over_budget
from torch_perflint.runners.tracing.trace import Frame, Kind
from torch_perflint.runners.tracing.trace_json import as_json, from_json
from torch_perflint.runners.tracing.trace_text import Page, as_text, over_text

from .traces import LIBRARY, MAIN, every, sync, trace

ROOT = "/home/me/project"
PAGE = Page(ROOT, 100)


def test_steady_steps_lead_and_the_rest_is_counted() -> None:
    told = trace(
        sync(every(2), chain=(LIBRARY, MAIN), first=2),
        sync({3: 1}, operation="cpu()", kind=Kind.D2H),
        sync({}, operation="to()", kind=Kind.H2D, set_up=30),
        sync(every(1), operation="to()", kind=Kind.ASYNC),
        notices=("torch.compile is off",),
    )
    assert (
        as_text(told, PAGE)
        == """\
5 steps on a shadow device: no GPU here, torch 2.13.0: a step waits 2 times for the GPU, at most 3

in every step:
  2 per step: item(), trainer/loop.py:7 (step)
      waits: the value has to reach Python
      from train.py:20 (<module>)

in some steps:
  1 in 1 of 4 steps: cpu(), train.py:20 (<module>)
      copies from the GPU: the value has to reach Python

in set-up: 30 waits at 1 place (--all lists them)

not waits:
  1 per step: copies without waiting, train.py:20 (<module>)

note: torch.compile is off"""
    )


def test_all_lists_what_happens_outside_of_steady_steps() -> None:
    told = as_text(trace(sync({}, set_up=30, after=1)), Page(ROOT, 100, everything=True))
    assert "in set-up: 30 waits at 1 place\n     30  item(), train.py:20 (<module>)" in told
    assert "after the last step: 1 wait at 1 place\n      1  item(), train.py:20" in told


def test_too_few_steps_are_said_to_be() -> None:
    assert "1 step on a shadow device" in as_text(trace(steps=1), PAGE)
    assert "too few to tell" in as_text(trace(steps=1), PAGE)


def test_a_run_without_a_step_says_what_makes_one() -> None:
    told = as_text(trace(steps=0), PAGE)
    assert "0 steps on a shadow device" in told
    assert "no optimizer of torch.optim made one" in told


def test_the_user_s_own_line_is_shown_however_far_out() -> None:
    between = tuple(Frame("/env/site-packages/a.py", n, "f") for n in range(9))
    told = as_text(trace(sync(every(1), chain=(LIBRARY, *between, MAIN))), PAGE)
    assert told.count("from a.py") == 4
    assert "from train.py:20" in told


def test_waits_that_no_finding_names_are_marked() -> None:
    found = StaticFinding("PFL101", ("train.py",), 20, 20)
    told = trace(sync(every(1)), sync(every(1), operation="cpu()", chain=(LIBRARY,)))
    text = as_text(told, Page(ROOT, 100, findings=[found]))
    assert "item(), train.py:20 (<module>)  [PFL101]" in text
    assert "cpu(), trainer/loop.py:7 (step)  [only at run time]" in text


def test_on_a_gpu_what_it_saw_and_what_is_expected_are_told_apart() -> None:
    other = Frame(f"{ROOT}/data.py", 3, "load")
    told = trace(
        sync(every(1)),
        seen_by_cuda=(sync(every(1), operation="seen by CUDA", chain=(other,)),),
    )
    text = as_text(type(told)(**{**_fields(told), "device": "NVIDIA H200"}), PAGE)
    assert "seen by CUDA, not in perflint's table:\n  4 against 0: data.py:3 (load)" in text
    assert "in perflint's table, not seen by CUDA:\n  4 against 0: train.py:20" in text


def test_what_is_over_the_budget_is_named() -> None:
    over = over_budget(trace(sync(every(2))), 1)
    assert over is not None
    assert over_text(over, 1, ROOT) == (
        "over budget: step 2 waits 2 times, 1 allowed (and 3 other steps more than 1)\n"
        "      2  train.py:20 (<module>)  item()"
    )


def test_a_trace_comes_back_from_json() -> None:
    told = trace(
        sync(every(2), chain=(LIBRARY, MAIN), set_up=1, first=2, after=3),
        sync({3: 1}, chain=(LIBRARY,)),
        notices=("torch.compile is off",),
        files=("/home/me/project/train.py",),
    )
    assert from_json(as_json(told)) == told


def _fields(told: object) -> dict[str, object]:
    return {name: getattr(told, name) for name in told.__dataclass_fields__}  # type: ignore[attr-defined]
