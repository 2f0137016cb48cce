"""PFL122 many-syncs."""

import ast
from collections.abc import Iterable
from functools import cached_property

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..outside import Place
from ..rule import Rule

_FEWEST = 3
_CASTS = ("float", "int")


class ManySyncs(Rule):
    """Three or more numbers are read from the device one by one in the same training step.

    ## Why it is slow
    Each reading waits for the GPU, and for the way there and back, on its own: three numbers cost
    three waits. Read together they cost one.

    ## Instead
    `torch.stack([loss, accuracy, norm]).tolist()` reads them all at once; every N steps, better.

    ## When it is fine
    Where each number decides what is computed next, every N steps, and in evaluation. The note is
    given once for a step; each reading is a finding of its own besides (`item-in-hot-path`,
    `scalar-cast-sync`).

    ## Source
    NVIDIA's list of synchronization patterns (`perf-torch-sync-free`), step 3.5: coalesce what has
    to be read.
    """

    code = "PFL122"
    tokens = (".item(", "float(", "int(")
    severity = Severity.INFO
    needs_accelerator = True
    preview = True

    VALID = (
        """
        import torch
        for step, (x, y) in enumerate(loader):
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
            worst = float(loss.max())
            if step % 100 == 0:
                print(loss.item(), loss.min().item())
        """,
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            a, b, c = torch.stack([loss, loss.max(), loss.min()]).tolist()
            sizes = int(x.shape[0]), float(len(x)), int("3"), float(a)
        """,
        """
        import torch
        def first(loader, model, optimizer):
            for x, y in loader:
                loss = criterion(model(x), y)
                loss.backward()
                optimizer.step()
                print(loss.item(), float(loss))
        def second(loader, model, optimizer):
            for x, y in loader:
                loss = criterion(model(x), y)
                loss.backward()
                optimizer.step()
                print(loss.item(), float(loss))
        """,
    )
    INVALID = (
        """
        import torch
        for x, y in loader:
            out = model(x)
            loss = criterion(out, y)
            loss.backward()
            optimizer.step()
            total += loss.item()  # <-
            worst = out.max().item()
            mean = float(out.mean())
        """,
        """
        import torch
        def train(loader, model, optimizer):
            for x, y in loader:
                loss = criterion(model(x), y)
                report(loss)
                loss.backward()
                optimizer.step()
                seen.append(int(loss))
        def report(loss):
            print(loss.item(), loss.detach().item())  # <-
        """.replace("  # <-\n", "\n").replace("(int(loss))", "(int(loss))  # <-"),
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the first reading of each step that has several."""
        return _first_of_many(facts)

    def visit_Call(self, node: cst.Call) -> None:
        """Note the first reading of a step, with the number of all."""
        call, hot = self.facts.call(node), self.facts.hot(node)
        count = self._firsts.get(call) if call else None
        if count and hot and not self.facts.runs_on_host:
            message = f"{count} numbers are read from the device one by one in every step"
            self.report(node, message, why=hot.why)

    @cached_property
    def _firsts(self) -> dict[ast.Call, int]:
        return _first_of_many(self.facts)


def _first_of_many(facts: Facts) -> dict[ast.Call, int]:
    """Return the first reading of each step, in the order of the text, with how many there are."""
    found: dict[tuple[Place, int], list[ast.Call]] = {}
    for call in facts.syntax.calls_to("item", *_CASTS):
        hot = facts.regions.hot(call) if _reads(facts, call) else None
        if hot is not None and hot.place is not Place.FORWARD:
            found.setdefault((hot.place, hot.line), []).append(call)
    steps = (sorted(calls, key=lambda call: call.lineno) for calls in found.values())
    return {calls[0]: len(calls) for calls in steps if len(calls) >= _FEWEST}


def _reads(facts: Facts, call: ast.Call) -> bool:
    if facts.allowed_waits.at(call):
        return False
    match call:
        case ast.Call(func=ast.Attribute(attr="item", value=owner), args=[]):
            return facts.dataflow.value(owner).is_device_tensor
        case ast.Call(func=ast.Name() as name, args=[given]) if facts.names.builtin(name):
            return facts.dataflow.value(given).is_device_tensor
    return False
