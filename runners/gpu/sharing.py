"""Says which card this is, and with whom it is shared: MIG, MPS, other processes. Pure."""

from collections.abc import Collection, Mapping

from .gpu import Card


def identity(card: Card) -> str:
    """Name a card, or the slice of one, so that no other has this name."""
    if card.mig is None:
        return f"{card.name} ({card.uuid})"
    return f"{card.name}, slice {card.mig.profile} ({card.mig.uuid})"


def is_card(card: Card, uuid: str) -> bool:
    """Whether `uuid` names this card or this slice; PyTorch leaves "GPU-" and "MIG-" out."""
    own = card.mig.uuid if card.mig is not None else card.uuid
    return own.lower().removeprefix("gpu-").removeprefix("mig-") == (
        uuid.lower().removeprefix("gpu-").removeprefix("mig-")
    )


def why_incomparable(base: Card, head: Card) -> str | None:
    """Say why numbers of these two cards must not be compared; None where they may be.

    Slices of the same profile are still two slices, and a card is no slice of it.
    """
    if base.mig is not None and head.mig is not None and base.mig.profile != head.mig.profile:
        return f"base ran on a MIG slice {base.mig.profile}, head on one of {head.mig.profile}"
    if identity(base) != identity(head):
        return f"base ran on {identity(base)}, head on {identity(head)}"
    if base.driver != head.driver:
        return f"base ran with driver {base.driver}, head with {head.driver}"
    return None


def tenants(seen: Collection[int] | None, own: Collection[int], expected: int) -> int | None:
    """Return how many of the processes `seen` on a card are not perflint's; None where unknown.

    `expected` of our own processes use the card. Inside a container NVML shows the host's numbers
    of processes, none of them ours, or no process at all.
    """
    if seen is None or (not seen and expected):
        return None
    ours = len(set(seen) & set(own))
    return max(0, len(set(seen)) - (ours or expected))


def uses_mps(card: Card, environment: Mapping[str, str], *, daemon: bool) -> bool:
    """Whether work on this card goes through the Multi-Process Service.

    `daemon`: its control pipe exists where the environment says, or in its usual place. A MIG slice
    is another thing: its share of the card is its own.
    """
    named = bool(environment.get("CUDA_MPS_PIPE_DIRECTORY"))
    return bool(card.mps_clients) or daemon or named


def sharing_notes(card: Card, *, mps: bool) -> tuple[str, ...]:
    """Say, for people, with whom this card is shared."""
    notes = []
    if card.mig is not None:
        notes.append(
            f"measured on a MIG slice {card.mig.profile}: its multiprocessors and memory are its "
            "own, the clock and the power are those of the whole card"
        )
    if mps:
        notes.append("the GPU is shared through MPS: other clients run at the same time")
    if card.now.tenants:
        notes.append(f"{card.now.tenants} other processes are on the GPU")
    return tuple(notes)
