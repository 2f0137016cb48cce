"""Modules of real steps are named, and have what they take: forward, backward, and again."""

import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.runners.profiling.attribution import merge, of_recording
from torch_perflint.runners.profiling.parts import ENGINE
from torch_perflint.runners.profiling.profile import ModuleTime

torch: Any = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
WAIT = 0.01  # seconds


class Wait(torch.autograd.Function):
    """Its input, late: in forward by one wait, in backward by two."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        time.sleep(WAIT)
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        time.sleep(2 * WAIT)
        return grads[0]


class Mlp(torch.nn.Module):
    def __init__(self, waits: bool = False) -> None:
        super().__init__()
        self.up, self.down = torch.nn.Linear(8, 16), torch.nn.Linear(16, 8)
        self.waits = waits

    def forward(self, x: Any) -> Any:
        x = Wait.apply(x) if self.waits else x
        return self.down(torch.relu(self.up(x)))


class Net(torch.nn.Module):
    def __init__(self, checkpoint: bool | None = None) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList([Mlp(), Mlp(waits=True)])
        self.head = torch.nn.Linear(8, 1)
        self.checkpoint = checkpoint  # whether it is the reentrant one

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            if self.checkpoint is None:
                x = layer(x)
            else:
                x = torch.utils.checkpoint.checkpoint(layer, x, use_reentrant=self.checkpoint)
        return self.head(torch.nn.Dropout(0.5)(x))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def profiled(step: Callable[[], object], steps: int = 3) -> dict[str, ModuleTime]:
    from torch_perflint.runners.profiling.torch_profile import record_steps

    summary = merge(of_recording(record_steps(step, steps, Path(__file__).parent / "nowhere")))
    if summary.modules:
        assert sum(one.own for one in summary.modules) == pytest.approx(summary.step_ms)
    return {one.name: one for one in summary.modules}


def training(net: Any) -> Callable[[], None]:
    def step() -> None:
        net(torch.ones(4, 8, requires_grad=True)).sum().backward()

    step()
    return step


def test_waits_are_found_in_the_module_that_has_them() -> None:
    plain = training(Net())

    def step() -> None:
        plain()
        time.sleep(WAIT)

    found = profiled(step)
    late, wait = found["Net.layers.1"], WAIT * 1e3
    assert late.kind == "Mlp"
    assert late.forward >= wait
    assert late.backward >= 2 * wait
    assert found["Net"].total_forward >= wait
    assert found["Net"].total_backward >= 2 * wait
    assert found[""].forward >= wait
    others = [one for name, one in found.items() if name not in ("", "Net.layers.1")]
    assert sum(one.own for one in others) < wait
    assert {name: one.calls for name, one in found.items() if name} == {
        "Net": 1,
        "Net.head": 1,
        "Net.Dropout()": 1,
        **{f"Net.layers.{n}{part}": 1 for n in range(2) for part in ("", ".up", ".down")},
    }


@pytest.mark.parametrize("reentrant", [False, True])
def test_what_checkpointing_computes_again_is_backward_of_its_modules(reentrant: bool) -> None:
    found = profiled(training(Net(checkpoint=reentrant)))
    late, wait = found["Net.layers.1"], WAIT * 1e3
    assert late.calls == 2
    assert found["Net.head"].calls == 1
    # The forward runs again, and its wait with it, then backward.
    assert wait <= late.forward < 2 * wait
    assert late.backward >= 3 * wait
    assert found["Net.layers.0"].own < wait
    assert found[""].own < wait


def graph_numbers(output: Any, inputs: Any) -> set[int]:
    """The numbers of the backward functions between a module's output and its inputs."""
    found, waiting = set(), [output.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node is inputs or node._sequence_nr() in found:
            continue
        if "AccumulateGrad" not in node.name():
            found.add(node._sequence_nr())
            waiting += [following for following, _ in node.next_functions]
    return found


def test_backward_agrees_with_a_count_of_the_functions_in_the_graph() -> None:
    """Each module's part of the graph, found by walking it, and what the engine took for it."""
    from torch_perflint.runners.profiling.modules import module_times
    from torch_perflint.runners.profiling.torch_profile import record_steps

    net = Net()
    numbers: dict[str, set[int]] = {}

    def remember(name: str) -> Callable[..., None]:
        def hook(module: Any, args: Any, output: Any) -> None:
            numbers[name] = graph_numbers(output, args[0].grad_fn)

        return hook

    for name, part in net.named_modules():
        part.register_forward_hook(remember(name))
    recording = record_steps(training(net), 1, Path(__file__).parent / "nowhere")
    recording = type(recording)(
        recording.events, recording.marks, recording.spans, modules=recording.modules
    )
    (step,) = module_times(recording)
    taken: dict[int, int] = {}
    last = -1
    start, end = recording.spans[0]
    events = recording.events
    columns = (events.name, events.start, events.end, events.sequence)
    for place, began, ended, sequence in zip(*(c.tolist() for c in columns), strict=True):
        name = events.names[place]
        if name.startswith(ENGINE) and start <= began < end:
            last = last if "AccumulateGrad" in name else sequence
            taken[last] = taken.get(last, 0) + ended - began
    for name, own in numbers.items():
        label = f"Net.{name}".rstrip(".")
        kind = type(net.get_submodule(name)).__name__
        assert own, label
        assert step.total[f"{label} ({kind})", True] == sum(taken[one] for one in own), label


class Tower(torch.nn.Module):
    """As Lightning's modules: what is called is a method, and not the module."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Mlp()
        self.loss = [torch.nn.MSELoss()]  # hidden from the module

    def training_step(self) -> Any:
        return self.loss[0](self.encoder(torch.ones(4, 8)), torch.ones(4, 8))


def test_modules_have_the_names_that_their_owner_knows() -> None:
    tower, twin = Tower(), Tower()
    wrapped = torch.nn.Sequential()
    wrapped.module = Mlp()
    wrapped.forward = wrapped.module.forward

    def step() -> None:
        tower.training_step()
        twin.training_step()
        wrapped.module(torch.ones(4, 8))
        torch.nn.DataParallel(Mlp())(torch.ones(4, 8))

    found = profiled(step)
    assert set(found) == {
        "",
        *(f"Tower{n}.encoder{part}" for n in ("", "#2") for part in ("", ".up", ".down")),
        "MSELoss",
        "MSELoss#2",
        *(f"Mlp{n}{part}" for n in ("", "#2") for part in ("", ".up", ".down")),
        "DataParallel",
    }


def test_scripted_and_wrapped_modules_have_the_names_of_what_they_were_made_from() -> None:
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(torch.nn.Tanh())
    wrapped = torch.nn.Sequential(checkpoint_wrapper(torch.nn.Linear(8, 8)), torch.nn.ReLU())

    def step() -> None:
        scripted(wrapped(torch.ones(4, 8, requires_grad=True))).sum().backward()

    step()
    found = profiled(step)
    assert {name: one.kind for name, one in found.items()} == {
        "": "",
        "Tanh": "Tanh",
        "Sequential": "Sequential",
        "Sequential.0": "Linear",
        "Sequential.1": "ReLU",
    }
    # Once more in backward.
    assert (found["Sequential.0"].calls, found["Sequential.1"].calls) == (2, 1)


def test_a_module_that_is_made_anew_in_each_step_is_one_row() -> None:
    found = profiled(lambda: torch.nn.Tanh()(torch.ones(8)))
    assert {name: one.calls for name, one in found.items() if name} == {"Tanh": 1}


def test_a_forward_that_fails_ends_there() -> None:
    class Broken(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            raise ZeroDivisionError

    broken, after = Broken(), torch.nn.Tanh()

    def step() -> None:
        with pytest.raises(ZeroDivisionError):
            broken(torch.ones(8))
        time.sleep(WAIT)
        after(torch.ones(8))

    found = profiled(step)
    assert set(found) == {"", "Broken", "Tanh"}
    assert found["Broken"].total < WAIT * 1e3


def test_no_hook_is_left_behind() -> None:
    hooks = torch.nn.modules.module
    before = len(hooks._global_forward_pre_hooks), len(hooks._global_forward_hooks)
    profiled(training(Net()), 1)
    with pytest.raises(ZeroDivisionError):
        profiled(lambda: 1 / 0)
    assert (len(hooks._global_forward_pre_hooks), len(hooks._global_forward_hooks)) == before


def compiled(way: str) -> Any:
    net = Net()
    net.layers[1].waits = False
    if way == "whole":
        return torch.compile(net, backend="eager")
    if way == "in place":
        net.compile(backend="eager")
    elif way == "layers":
        for n in range(2):
            net.layers[n] = torch.compile(net.layers[n], backend="eager")
    else:
        return torch.compile(lambda x: net(x), backend="eager")
    return net


@pytest.fixture
def dynamo() -> Iterator[Any]:
    torch._dynamo.reset()
    yield torch._dynamo.utils.counters
    torch._dynamo.reset()


WAYS = ("whole", "in place", "layers", "function")


@pytest.mark.parametrize("way", WAYS)
def test_what_is_compiled_is_the_same_with_marks(way: str, dynamo: Any) -> None:
    """The same graphs, breaks and frames, of what was compiled before and of a new shape."""
    from torch_perflint.runners.profiling.torch_modules import ModuleMarker

    told = []
    for marks in (False, True):
        torch._dynamo.reset()
        dynamo.clear()
        model, marker = compiled(way), ModuleMarker()
        model(torch.ones(4, 8))
        with warnings.catch_warnings():
            warnings.filterwarnings("error", ".*global hooks")
            if marks:
                marker.start()
            for rows in (4, 4, 5, 6):
                model(torch.ones(rows, 8))
            marker.stop()
        told.append({name: dict(dynamo[name]) for name in ("stats", "frames", "graph_break")})
    assert told[0] == told[1]
    assert told[0]["stats"]["unique_graphs"] >= 2


@pytest.mark.parametrize("way", WAYS)
def test_what_is_compiled_is_one_call(way: str, dynamo: Any) -> None:
    found = profiled(training(compiled(way)))
    assert (
        set(found)
        == {
            "whole": {"", "Net"},
            "in place": {"", "Net"},
            "layers": {"", "Net", "Net.layers.0", "Net.layers.1", "Net.head", "Net.Dropout()"},
            # Whose parts run in it nobody sees.
            "function": set(),
        }[way]
    )
    assert all(one.calls == 1 for name, one in found.items() if name)
    assert all(found[name].total_backward > 0 for name in found if name.startswith("Net"))
