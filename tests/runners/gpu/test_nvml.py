"""The adapter to NVML, against a stand-in for the driver's library."""

import importlib.util
import sys
from typing import Any

import pytest
from torch_perflint.runners.gpu.gpu import GpuSample, MigSlice
from torch_perflint.runners.gpu.nvml import Nvml, NvmlFailed
from torch_perflint.runners.gpu.sharing import identity

from ..fake_nvml import FakeCard, stand_in


def use(monkeypatch: pytest.MonkeyPatch, *cards: FakeCard, **how: Any) -> Any:
    module = stand_in(*cards, **how)
    monkeypatch.setitem(sys.modules, "pynvml", module)
    return module


def test_a_card_is_described_and_the_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = use(monkeypatch, FakeCard(bits=0x24, pids=[7]))
    with Nvml() as nvml:
        (card,) = nvml.cards()
    assert (card.uuid, card.driver, card.mig) == ("GPU-0001", "570.1", None)
    assert (card.persistent, card.max_mhz, card.mps_clients) == (True, 1980, 0)
    assert card.now == GpuSample(1500, ("power cap", "thermal slowdown"), 60, 250.0, 1)
    assert module.open == 0


def test_what_a_card_does_not_support_is_none_and_not_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = FakeCard(
        mhz=None, bits=None, celsius=None, milliwatts=None, pids=None, mps=None,
        persistent=None, max_mhz=None,
    )  # fmt: skip
    use(monkeypatch, nothing)
    with Nvml() as nvml:
        (card,) = nvml.cards()
    assert card.now == GpuSample()
    assert (card.persistent, card.max_mhz, card.mps_clients) == (None, None, None)


def test_an_old_driver_is_asked_by_the_old_name(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeCard(bits=0x40), old_driver=True)
    with Nvml() as nvml:
        assert nvml.cards()[0].now.reasons == ("hardware thermal slowdown",)


def test_slices_stand_in_place_of_the_card_that_they_are_cut_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slice has processes of its own; the clock is the whole card's."""
    part = FakeCard("NVIDIA Test 100 MIG 1g.10gb", "MIG-a", mhz=None, pids=[5, 6])
    other = FakeCard("NVIDIA Test 100 MIG 2g.20gb", "MIG-b", pids=[])
    use(monkeypatch, FakeCard(slices=[part, other], mhz=1200), FakeCard(uuid="GPU-2", slices=[]))
    with Nvml() as nvml:
        cards = nvml.cards()
        watched = nvml.find("a")
        assert watched is not None
        assert watched.sample({5}, 1) == GpuSample(1200, (), 60, 250.0, 1)
        assert nvml.find("GPU-0001") is None, "a card that is cut up is used by nobody whole"
    assert [card.mig for card in cards] == [
        MigSlice("MIG-a", "1g.10gb"),
        MigSlice("MIG-b", "2g.20gb"),
        None,
    ]
    assert identity(cards[0]) == "NVIDIA Test 100, slice 1g.10gb (MIG-a)"


def test_each_card_is_found_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeCard(uuid="GPU-1", mhz=100), FakeCard(uuid="GPU-2", mhz=200))
    with Nvml() as nvml:
        first, second = nvml.find("1"), nvml.find("GPU-2")
        assert first and second and nvml.find("3") is None
        assert (first.sample((), 0).mhz, second.sample((), 0).mhz) == (100, 200)


def test_a_card_that_is_lost_is_a_failure_and_not_an_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = FakeCard()
    use(monkeypatch, card)
    with Nvml() as nvml:
        watched = nvml.find("0001")
        assert watched is not None
        card.breaks = True
        with pytest.raises(NvmlFailed, match="does not answer"):
            watched.sample((), 0)


def test_no_driver_is_a_clear_word(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, init_error=9)
    with pytest.raises(NvmlFailed, match="does not answer"):
        Nvml()


def test_a_missing_package_is_a_clear_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(NvmlFailed, match=r"torch-perflint\[gpu\]"):
        Nvml()


def test_the_stand_in_has_the_numbers_of_the_real_library(monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("pynvml") is None:
        return  # the extra is not installed: nothing to compare with
    import pynvml  # type: ignore[import-untyped]

    for name, value in vars(stand_in()).items():
        if name.startswith("NVML_"):
            assert getattr(pynvml, name) == value, name
        if name.startswith("nvml"):
            assert callable(getattr(pynvml, name)), name
