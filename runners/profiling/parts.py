"""What a step can spend time on, and what a call counts as by its name. Pure."""

import re
from enum import Enum


class Part(Enum):
    """What a step spends time on."""

    COMPUTE = "compute"
    COMMUNICATION = "communication"
    COPIES = "copies"
    DATA = "data loading"
    SYNC = "waiting for the device"
    HOST = "Python and launching"
    OPTIMIZER = "optimizer"


# How PyTorch calls what it records itself.
_DATA = ("enumerate(DataLoader)",)
OPTIMIZER = ("Optimizer.",)
# What we call the user's own function that an optimizer's step is given, and calls.
CLOSURE = "closure of Optimizer.step"
ENGINE = "autograd::engine::evaluate_function"
_COMMUNICATION = re.compile(r"(c10d|nccl|gloo|ucc|mpi|_c10d_functional|record_param_comms)\b[:_]?")
_COPIES = frozenset({"aten::copy_", "aten::_copy_from", "aten::_copy_from_and_resize"})
# Not `cudaMemcpyAsync`: what it waits for is the copy itself, which the device shows.
WAITS = re.compile(r"(cuda|hip)((Stream|Device|Event)Synchronize|Memcpy$)")
# The tensor's value: on a host alone this costs what a copy of one number does.
_VALUE = "aten::_local_scalar_dense"


def part_by_name(name: str) -> Part | None:
    """What the time of a call counts as, where its name tells."""
    if name.startswith(_DATA):
        return Part.DATA
    if name.startswith(OPTIMIZER):
        return Part.OPTIMIZER
    if _COMMUNICATION.match(name):
        return Part.COMMUNICATION
    if name in _COPIES:
        return Part.COPIES
    if name == _VALUE or WAITS.match(name):
        return Part.SYNC
    # Between the operators that the engine calls, nothing is computed either.
    return Part.HOST if name.startswith(ENGINE) else None
