"""Says what about a GPU makes its measurements doubtful, and what no GPU has confirmed. Pure."""

from collections.abc import Sequence

from ..gpu.clocks import POWER_CAP
from ..gpu.gpu import Card
from ..gpu.sharing import identity
from .doctor import Check, Level

NOT_RUN_YET = (
    "No GPU has run perflint's guards for GPUs yet: docs/gpu.md lists, line by line, what is only "
    "tested against a stand-in."
)


def diagnose_gpus(
    cards: Sequence[Card], *, mps: Sequence[bool], launch_blocking: str | None
) -> tuple[Check, ...]:
    """Check each card; `mps` says of each whether it is shared through MPS."""
    checks = []
    for number, (card, shared) in enumerate(zip(cards, mps, strict=True)):
        name = "GPU" if len(cards) == 1 else f"GPU {number}"
        checks += [
            Check(name, Level.FINE, f"{identity(card)}, driver {card.driver}"),
            _held_down(card, f"{name} throttle"),
            _clock(card, f"{name} clock"),
            _persistence(card, f"{name} persistence"),
            _tenants(card, f"{name} tenants", shared),
        ]
    if launch_blocking not in (None, "", "0"):
        checks.append(
            Check(
                "GPU launches",
                Level.BAD,
                f"CUDA_LAUNCH_BLOCKING is {launch_blocking}",
                "The host waits for every kernel, so added host syncs cost nothing here.",
                "Unset it.",
            )
        )
    return tuple(checks)


def unread(why: str, *, present: bool) -> Check:
    """Say that no card could be read: unknown where there is one, or there may be one."""
    if present:
        return Check("GPU", Level.UNKNOWN, f"there is an NVIDIA GPU, but it was not read: {why}")
    return Check("GPU", Level.FINE, "no NVIDIA driver is loaded; cards of other makes are not read")


def _held_down(card: Card, name: str) -> Check:
    reasons, heat = card.now.reasons, card.now.celsius
    where = "" if heat is None else f" at {heat} °C"
    if card.now.watts is not None:
        where += f", {card.now.watts:.0f} W"
    if reasons is None:
        return Check(name, Level.UNKNOWN, "the card does not say what holds its clock down")
    if not reasons:
        return Check(name, Level.FINE, f"nothing holds the clock down now{where}")
    if reasons == (POWER_CAP,):
        return Check(
            name,
            Level.DOUBTFUL,
            f"{POWER_CAP}{where}",
            "A step that draws more power runs at a lower clock. Pairs of which one turn is at the "
            "cap alone are left out.",
            "Lock a clock that it can hold: nvidia-smi --lock-gpu-clocks=MHZ",
        )
    return Check(
        name,
        Level.BAD,
        f"{', '.join(reasons)}{where}",
        "Pairs measured meanwhile are left out; where more than half are, the verdict is unsure.",
        "Let it cool, or lock a clock that it can hold: nvidia-smi --lock-gpu-clocks=MHZ",
    )


def _clock(card: Card, name: str) -> Check:
    if card.now.mhz is None:
        return Check(name, Level.UNKNOWN, "the card does not tell its clock")
    most = "" if card.max_mhz is None else f" of at most {card.max_mhz}"
    # NVML has no question for a locked clock, so this can never be "fine".
    return Check(
        name,
        Level.UNKNOWN,
        f"{card.now.mhz} MHz{most} now; whether it is locked cannot be asked",
        "A clock that is not locked follows heat and power: pairs whose clocks differ by more than "
        "3 % are left out.",
        "As root: nvidia-smi --lock-gpu-clocks=MHZ",
    )


def _persistence(card: Card, name: str) -> Check:
    if card.persistent is None:
        return Check(name, Level.UNKNOWN, "the card does not tell")
    if card.persistent:
        return Check(name, Level.FINE, "on")
    return Check(
        name,
        Level.DOUBTFUL,
        "off",
        "The driver is unloaded between programs: locked clocks are lost, and starts are slow.",
        "As root: nvidia-smi --persistence-mode=1, or run nvidia-persistenced",
    )


def _tenants(card: Card, name: str, mps: bool) -> Check:
    others = card.now.tenants
    if mps or others:
        how = "shared through MPS" if mps else f"{others} other processes on it"
        return Check(
            name,
            Level.BAD,
            how,
            "Their kernels take turns with the steps, or run beside them: times follow their work.",
            "Give perflint the card alone, or a MIG slice of it.",
        )
    if others is None:
        return Check(name, Level.UNKNOWN, "the driver does not show who else is on it")
    if card.mig is not None:
        return Check(
            name,
            Level.DOUBTFUL,
            f"alone on this slice; what runs on others of {card.uuid} is not seen",
            "Slices share the card's clock, power and heat.",
            "Compare numbers of this slice and profile only; perflint refuses to do otherwise.",
        )
    # An empty list is also what a container shows that may not see the host's processes.
    return Check(name, Level.FINE, "no other process is shown")
