"""A shadow device answers as a GPU would, and computes what a CPU does, to the last bit."""

import copy
import os
import sysconfig
import threading
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


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(Sites(os.path.dirname(torch.__file__), sysconfig.get_paths()["stdlib"]))


@pytest.fixture
def shadow(recorder: Recorder) -> Iterator[Any]:
    from torch_perflint.runners.tracing.torch_shadow import Shadow

    shadow = Shadow(recorder)
    shadow.enter()
    try:
        yield shadow
    finally:
        shadow.leave()


def train(device: str, dtype: Any, *, scaled: bool) -> list[str]:
    """Train a small network for eight steps; its losses and the sum of its weights, to the bit."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        *(torch.nn.Linear(8, 16), torch.nn.Dropout(0.2), torch.nn.GELU()),
        *(torch.nn.BatchNorm1d(16), torch.nn.Linear(16, 4)),
    ).to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2, fused=scaled)
    # A scale of its own: nothing but the device may differ.
    scaler = torch.amp.GradScaler(device, init_scale=64.0, growth_interval=3, enabled=scaled)
    data = torch.utils.data.TensorDataset(torch.randn(64, 8), torch.randint(4, (64,)))
    told = []
    for x, y in torch.utils.data.DataLoader(data, batch_size=8, pin_memory=device == "cuda"):
        x, y = x.to(device, non_blocking=True), y.to(device)
        with torch.autocast(device, dtype=dtype, enabled=dtype != torch.float32):
            hidden = torch.utils.checkpoint.checkpoint(net[:3], x, use_reentrant=False)
            loss = torch.nn.functional.cross_entropy(net[3:](hidden), y)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        told.append(loss.item().hex())
    weights = sum(p.detach().double().sum().item() for p in net.parameters())
    return [*told, weights.hex()]


@pytest.mark.parametrize(
    ("dtype", "scaled"), [("float32", False), ("bfloat16", False), ("float16", True)]
)
def test_losses_are_those_of_a_plain_run(dtype: str, scaled: bool, recorder: Recorder) -> None:
    from torch_perflint.runners.tracing.torch_shadow import Shadow

    plain = train("cpu", getattr(torch, dtype), scaled=scaled)
    shadow = Shadow(recorder)
    shadow.enter()
    try:
        traced = train("cuda", getattr(torch, dtype), scaled=scaled)
    finally:
        shadow.leave()
    assert traced == plain
    assert len(set(traced)) == 9


def test_nothing_is_left_behind(recorder: Recorder) -> None:
    from torch_perflint.runners.tracing.torch_shadow import Shadow

    before = [torch.cuda.is_available, torch.autocast.__init__, torch.Generator, torch.load]
    shadow = Shadow(recorder)
    shadow.enter()
    x = torch.ones(2, device="cuda")
    assert torch.cuda.is_available() and x.is_cuda
    shadow.leave()
    after = [torch.cuda.is_available, torch.autocast.__init__, torch.Generator, torch.load]
    assert after == before
    assert x.device.type == "cpu"


@pytest.mark.usefixtures("shadow")
def test_tensors_say_where_they_would_be() -> None:
    x, c = torch.ones(3, device="cuda"), torch.ones(3)
    views = [x[1:], x + 1, x.detach(), x.sum(), copy.deepcopy(x), x.clone().requires_grad_().data]
    assert {view.device for view in views} == {torch.device("cuda:0")}
    assert (x.is_cuda, x.is_cpu, x.get_device()) == (True, False, 0)
    assert (c.is_cuda, c.is_cpu, c.get_device()) == (False, True, -1)
    assert x.type() == "torch.cuda.FloatTensor"
    assert x.cpu().device == c.device and c.device.type == "cpu"
    assert torch.zeros_like(x, device="cpu").is_cpu
    assert torch.nn.Linear(2, 2, device="cuda").weight.is_cuda
    assert torch.Generator("cuda").device == torch.device("cuda:0")
    assert isinstance(torch.default_generator, torch.Generator)


@pytest.mark.usefixtures("shadow")
def test_pinned_memory_is_known() -> None:
    c = torch.ones(3)
    pinned = c.pin_memory()
    assert (c.is_pinned(), pinned.is_pinned(), pinned[1:].is_pinned()) == (False, True, True)
    with pytest.raises(RuntimeError, match="cannot pin"):
        c.cuda().pin_memory()


@pytest.mark.usefixtures("shadow")
def test_an_optimizer_keeps_its_counter_of_steps_on_the_cpu() -> None:
    p = torch.nn.Parameter(torch.ones(3, device="cuda"))
    optimizer = torch.optim.AdamW([p])
    p.grad = torch.ones_like(p)
    optimizer.step()
    state = optimizer.state[p]
    assert (state["step"].is_cuda, state["exp_avg"].is_cuda) == (False, True)


@pytest.mark.usefixtures("shadow")
def test_gradients_of_two_devices_are_grouped_apart() -> None:
    from torch.utils._foreach_utils import _group_tensors_by_device_and_dtype

    cpu, gpu = torch.ones(1), torch.ones(2, device="cuda")
    groups = _group_tensors_by_device_and_dtype([[gpu, cpu, gpu]], with_indices=True)
    found = {
        device.type: (len(lists[0]), numbers) for (device, _), (lists, numbers) in groups.items()
    }
    assert found == {"cuda": (2, [0, 2]), "cpu": (1, [1])}


@pytest.mark.usefixtures("shadow")
def test_a_thread_s_tensors_are_known_too() -> None:
    x, found = torch.ones(2, device="cuda"), []
    thread = threading.Thread(target=lambda: found.append((x + 1).device.type))
    thread.start()
    thread.join()
    assert found == ["cuda"]


def test_a_worker_of_a_loader_is_not_recorded(shadow: Any, recorder: Recorder) -> None:
    class Data(torch.utils.data.Dataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Any:
            assert torch.ones(1).sum().item() == 1
            return torch.ones(2)

    loader = torch.utils.data.DataLoader(Data(), num_workers=1, pin_memory=True)
    assert all(batch.is_pinned() for batch in loader)
    assert recorder.syncs() == ()
    assert torch.ones(1, device="cuda").is_cuda  # and this process goes on


@pytest.mark.usefixtures("shadow")
def test_a_checkpoint_that_asks_for_devices_is_content() -> None:
    x = torch.ones(2, 2, device="cuda", requires_grad=True)
    torch.utils.checkpoint.checkpoint(
        lambda y: (y @ y).relu(), x, use_reentrant=False
    ).sum().backward()
    assert x.grad.is_cuda


@pytest.mark.usefixtures("shadow")
def test_a_loaded_file_is_where_it_was_asked_to_be(tmp_path: Any) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "w.pt")
    assert torch.load(tmp_path / "w.pt", map_location="cuda")["w"].is_cuda
    assert torch.load(tmp_path / "w.pt")["w"].is_cpu


def test_compiling_is_switched_off_with_a_word(shadow: Any, recorder: Recorder) -> None:
    assert torch.compile(lambda x: x + 1)(torch.ones(1, device="cuda")).is_cuda
    (notice,) = recorder.notices
    assert "torch.compile is off" in notice


@pytest.mark.usefixtures("shadow")
def test_a_tensor_without_values_cannot_be_moved() -> None:
    with torch.device("meta"):
        net = torch.nn.Linear(2, 2)
    with pytest.raises(NotImplementedError, match="meta"):
        net.weight.to("cuda")
    assert net.to_empty(device="cuda").weight.is_cuda


@pytest.mark.usefixtures("shadow")
def test_data_parallel_is_its_module() -> None:
    net = torch.nn.DataParallel(torch.nn.Linear(2, 2).cuda())
    assert net(torch.ones(1, 2)).is_cuda


def test_the_types_of_old_scripts_are_there(shadow: Any, recorder: Recorder) -> None:
    assert torch.cuda.FloatTensor(2, 3).zero_().shape == (2, 3)
    assert not [sync for sync in recorder.syncs() if sync.kind.blocks]
    made = torch.cuda.FloatTensor([1.0, 2.0])
    assert isinstance(made, torch.cuda.FloatTensor)
    assert not isinstance(made, torch.cuda.LongTensor)
    assert torch.ones(2).type(torch.cuda.FloatTensor).is_cuda
    assert [sync.operation for sync in recorder.syncs()] == ["FloatTensor", "type()"]


@pytest.mark.usefixtures("shadow")
def test_what_asks_for_a_gpu_gets_an_answer() -> None:
    torch.cuda.nvtx.range_push("step")
    torch.cuda.nvtx.range_pop()
    cuda = torch.profiler.ProfilerActivity.CUDA
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU, cuda]):
        torch.ones(2, device="cuda").sum()
    assert torch.cuda.memory_stats()["active_bytes.all.peak"] == 0
    assert torch.cuda.get_device_capability() == (9, 0)
    assert torch.accelerator.current_accelerator() == torch.device("cuda")
    with torch.cuda.device(0), torch.cuda.stream(torch.cuda.Stream()):
        assert torch.cuda.current_device() == 0


@pytest.mark.usefixtures("shadow")
def test_a_default_device_holds_until_it_is_changed() -> None:
    torch.set_default_device("cuda")
    try:
        assert torch.nn.Linear(2, 2).weight.is_cuda and torch.arange(3).is_cuda
    finally:
        torch.set_default_device(None)
    assert torch.zeros(2).is_cpu
