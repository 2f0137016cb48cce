"""Profiles a training script from its inside: `inside/hook.py` calls `start` behind its import."""

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from torch.optim.optimizer import register_optimizer_step_post_hook

from .captured import PLAN, Captured, Plan, to_json
from .torch_capture import ScriptCapture

_GOES_ON = "perflint: profiled; this script trains in a thread of its own, and runs to its end"


def start() -> Callable[[], str]:
    """Begin, and return what gives the profile as JSON, "" where there is none.

    A step reaches from the end of one step of the optimizer to that of the next; of several
    optimizers the first that steps counts. Once there are enough the script is stopped, unless
    others of its run wait for it, or it trains in another thread than its main one. Of the
    processes of a distributed run the first one tells.
    """
    plan = Plan.from_json(os.environ[PLAN])
    found: list[Captured] = []
    if int(os.environ.get("RANK", "0")) != 0:
        return lambda: ""
    alone = int(os.environ.get("WORLD_SIZE", "1")) == 1
    capture = ScriptCapture(plan, found.append)
    os.register_at_fork(after_in_child=capture.forget)
    counts: list[int] = []
    told: list[bool] = []

    def stepped(optimizer: Any, args: Any, kwargs: Any) -> None:
        counts[:] = counts or [id(optimizer)]
        if id(optimizer) != counts[0]:
            return
        capture.boundary()
        # Where others of the run wait for this process, it has to go on.
        if not (capture.is_over and found and not plan.to_end and alone):
            return
        if threading.current_thread() is threading.main_thread():
            raise SystemExit(0)
        # That would end this thread alone, and the one that waits for it never.
        if not told:
            told.append(True)
            print(_GOES_ON, file=sys.stderr)

    register_optimizer_step_post_hook(stepped)

    def write() -> str:
        capture.end()
        return to_json(found[0]) if found else ""

    return write
