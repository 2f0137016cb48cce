"""What a configuration says about the code that it holds for, beyond which rules run."""

from dataclasses import dataclass

from .config import SYNC_ALLOWED, LintConfig
from .finding import Severity


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which terms a file is judged.

    `notes`: whether places that run in some steps only are spoken of; `accelerator`: "cuda", "none"
    or, where the code has to say it, "auto"; `sync_allowed`: context managers in whose bodies the
    host may wait for the device.
    """

    notes: bool = False
    accelerator: str = "auto"
    sync_allowed: tuple[str, ...] = SYNC_ALLOWED


# What nobody has configured.
USUAL = Terms()


def terms_of(config: LintConfig) -> Terms:
    """Return the terms of a configuration: notes that it would hide are not worked out."""
    noting = config.min_severity is Severity.INFO
    return Terms(noting, config.accelerator, config.sync_allowed)
