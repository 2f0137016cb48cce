"""What only a CUDA device can show; `pytest -m gpu` runs it, other machines skip it and say so."""

from pathlib import Path

import pytest

pytestmark = [pytest.mark.gpu, pytest.mark.torch]


def test_a_read_of_a_device_tensor_is_a_host_sync_and_one_of_a_host_tensor_is_not() -> None:
    import torch
    from torch_perflint.runners.counters.torch_counters import count_steps

    here = Path(__file__).resolve().parent
    on_device, on_host = torch.ones(4, device="cuda"), torch.ones(4)
    assert count_steps(lambda: on_device.sum().item(), here).values["host_syncs"] == 1
    assert count_steps(lambda: on_host.sum().item(), here).values["host_syncs"] == 0
    assert count_steps(lambda: on_device.cpu(), here).values["host_syncs"] == 1


def test_the_peak_is_the_allocator_s() -> None:
    import torch
    from torch_perflint.runners.counters.torch_memory import count_memory, reserved_bytes, start

    start()
    before = torch.cuda.memory_allocated()
    (counted,) = count_memory(
        lambda: torch.empty(1 << 26, dtype=torch.uint8, device="cuda"), times=1
    )
    assert counted == {"allocated_bytes": 1 << 26, "peak_bytes": before + (1 << 26)}
    assert (reserved_bytes() or 0) >= counted["peak_bytes"]


def test_kernel_launches_and_copies_between_host_and_device_are_counted() -> None:
    import torch
    from torch_perflint.runners.counters.torch_counters import count_steps

    here = Path(__file__).resolve().parent
    on_device, on_host = torch.ones(4, device="cuda"), torch.ones(4)
    values = count_steps(lambda: on_device + on_device, here).values
    assert (values["kernel_launches"], values["copies"]) == (1, 0)
    values = count_steps(lambda: on_host.to("cuda"), here).values
    assert (values["h2d_copy_bytes"], values["d2h_copy_bytes"]) == (16, 0)
    values = count_steps(lambda: on_device.cpu(), here).values
    assert (values["h2d_copy_bytes"], values["d2h_copy_bytes"]) == (0, 16)


def test_kernel_time_goes_to_the_line_that_launched_it() -> None:
    import torch
    from torch_perflint.runners.profiling.attribution import merge
    from torch_perflint.runners.profiling.torch_profile import profile_steps

    x = torch.ones(4096, 4096, device="cuda")

    def step() -> None:
        y = x @ x  # the expensive line
        y.sum()

    summary = merge(profile_steps(step, 3, Path(__file__).resolve().parent))
    dearest = max(summary.lines, key=lambda line: line.milliseconds)
    source = Path(__file__).read_text(encoding="utf-8").splitlines()
    assert "the expensive line" in source[dearest.line - 1]


def test_a_turn_waits_for_the_device_once_at_its_end() -> None:
    import torch
    from torch_perflint.runners.processes.torch_step import timed_turn

    x = torch.ones(8192, 8192, device="cuda")
    timed_turn(lambda: x @ x, keep=3, drop=1)
    turn = timed_turn(lambda: x @ x, keep=10, drop=1)
    # 1.1e12 operations: no device does them in the few microseconds that a launch takes.
    assert turn.seconds > 1e-4
    assert turn.device_seconds == pytest.approx(turn.seconds, rel=0.2)


def test_the_card_in_use_is_found_in_nvml_and_can_be_sampled() -> None:
    import os

    import torch
    from torch_perflint.runners.gpu.nvml import Nvml
    from torch_perflint.runners.processes.torch_step import gpu

    pytest.importorskip("pynvml")
    torch.ones(1, device="cuda")
    found = gpu()
    assert found and found["free"] > 0
    with Nvml() as nvml:
        watched = nvml.find(found["uuid"])
        assert watched, [card.uuid for card in nvml.cards()]
        sample = watched.sample([os.getpid()], 1)
    assert sample.mhz and sample.celsius and sample.reasons is not None


def test_the_kernels_of_a_step_are_listed_and_its_copies_are_not() -> None:
    import torch
    from torch_perflint.runners.counters.torch_kernels import kernel_names

    x = torch.ones(512, 512, device="cuda")
    names = kernel_names(lambda: (x @ x).relu().cpu())
    assert len(names) >= 2
    assert not [name for name in names if "Memcpy" in name]
