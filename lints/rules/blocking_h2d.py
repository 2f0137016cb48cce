"""PFL203 blocking-h2d."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..arguments import keyword_argument, with_argument
from ..facts import Facts
from ..finding import Severity
from ..nodes import keyword
from ..rule import Cost, Invalid, Rule
from ..supplies import called_name
from ..values import UNKNOWN, Device, Value
from ..vocabulary import DTYPES

_NON_BLOCKING = keyword_argument("non_blocking", cst.Name("True"))


class BlockingH2d(Rule):
    """A batch of a pinned loader is copied to the GPU while the CPU waits.

    ## Why it is slow
    From pinned memory the copy could run beside the compute of the last step. Without
    `non_blocking=True` the CPU waits for its end and queues nothing meanwhile.

    ## Instead
    `batch.to(device, non_blocking=True)`. For a loader that does not pin, set `pin_memory=True`
    first: without it, `non_blocking` changes nothing. `torch.as_tensor(x, device=device)` always
    waits: write `x.to(device, non_blocking=True)`.

    A class of batches with a `pin_memory` of its own is pinned by the loader like any tensor: its
    method that moves it needs `non_blocking=True` for each part.

    ## When it is fine
    Where the batch is copied once and used for long, where a framework has moved the batch already,
    and when the loader cannot pin.

    ## Fix safety
    Safe where the loop takes the batch straight from a pinned loader: kernels of the same stream
    wait for the copy, so results are the same. Unsafe where only a neighbouring copy of the same
    batch, or its class, says that the loader pins. Not offered elsewhere.

    ## Source
    The PyTorch tutorial on `pin_memory` and `non_blocking`.
    """

    code = "PFL203"
    cost = Cost.COPY
    tokens = (".to(", ".cuda(", "as_tensor(")
    hot_only = False
    needs_accelerator = True

    VALID = (
        """
        import torch
        from torch.utils.data import DataLoader
        loader = DataLoader(dataset, pin_memory=True)
        for x, y in loader:
            x = x.to(device, non_blocking=True)
            y = y.cuda(non_blocking=True).to(torch.float32)
            h = torch.zeros(3).to(device)
            model(x).to(other).mean().backward()
            optimizer.step()
            z = x.to("cpu")
        """,
        """
        import torch
        for x, y in loader_from_elsewhere:
            model(x.to(device)).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        from accelerate import Accelerator
        from torch.utils.data import DataLoader
        loader = DataLoader(dataset, pin_memory=True)
        loader = accelerator.prepare(loader)
        for x, y in loader:
            model(x.to(device)).mean().backward()
            optimizer.step()
        model.to(device)
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        loader = DataLoader(dataset, pin_memory=True)
        def evaluate():
            for x, y in loader:
                model(x.to(device))
        """,
        """
        import torch
        class Batch:
            def pin_memory(self):
                self.x = self.x.pin_memory()
                return self

            def to(self, device, non_blocking=False):
                self.x = self.x.to(device, non_blocking=non_blocking)
                self.y = self.y.to(device)
                return self

            def to_host(self):
                return self.x.to("cpu"), self.x.to(torch.float32)
        for batch in loader:
            model(batch.to(device)).backward()
            optimizer.step()
        """,
        """
        import torch
        class Batch:
            def pin_memory(self):
                self.x = self.x.pin_memory()
                return self

            def to(self, device):
                return self.x.to(device)
        """,
    )
    INVALID = (
        Invalid(
            """
            import torch
            for x, y in loader_from_elsewhere:
                x = x.cuda(non_blocking=True)
                y = y.cuda()  # <-
                criterion(model(x), y).backward()
                optimizer.step()
            """,
            fixed="""
            import torch
            for x, y in loader_from_elsewhere:
                x = x.cuda(non_blocking=True)
                y = y.cuda(non_blocking=True)  # <-
                criterion(model(x), y).backward()
                optimizer.step()
            """,
        ),
        Invalid(
            """
            import torch
            from torch.utils.data import DataLoader
            loader = DataLoader(dataset, pin_memory=True)
            for i, (x, y) in enumerate(tqdm(loader)):
                x = x.to(device)  # <-
                model(x).mean().backward()
                optimizer.step()
            """,
            fixed="""
            import torch
            from torch.utils.data import DataLoader
            loader = DataLoader(dataset, pin_memory=True)
            for i, (x, y) in enumerate(tqdm(loader)):
                x = x.to(device, non_blocking=True)  # <-
                model(x).mean().backward()
                optimizer.step()
            """,
        ),
        Invalid(
            """
            import torch
            def main(model, data, opt):
                options = dict(batch_size=8, num_workers=2, pin_memory=True)
                loader = torch.utils.data.DataLoader(data, **options)
                train(model, loader, opt)

            def train(model, loader, opt):
                for batch in loader:
                    image = batch["image"]
                    image = image.to(device=device, dtype=torch.half)  # <-
                    model(image).mean().backward()
                    opt.step()
            """,
            fixed="""
            import torch
            def main(model, data, opt):
                options = dict(batch_size=8, num_workers=2, pin_memory=True)
                loader = torch.utils.data.DataLoader(data, **options)
                train(model, loader, opt)

            def train(model, loader, opt):
                for batch in loader:
                    image = batch["image"]
                    image = image.to(device=device, dtype=torch.half, non_blocking=True)  # <-
                    model(image).mean().backward()
                    opt.step()
            """,
        ),
        Invalid(
            """
            import torch
            class Batch:
                def __init__(self, items):
                    self.images = torch.stack([image for image, _ in items])
                    self.boxes = [torch.as_tensor(boxes) for _, boxes in items]

                def pin_memory(self):
                    self.images = self.images.pin_memory()
                    self.boxes = [each.pin_memory() for each in self.boxes]
                    return self

                def to(self, device):
                    self.images = self.images.to(device)  # <-
                    self.boxes = [each.to(device) for each in self.boxes]  # <-
                    return self
            for batch in loader:
                model(batch.to(device)).backward()
                optimizer.step()
            """,
            fixed="""
            import torch
            class Batch:
                def __init__(self, items):
                    self.images = torch.stack([image for image, _ in items])
                    self.boxes = [torch.as_tensor(boxes) for _, boxes in items]

                def pin_memory(self):
                    self.images = self.images.pin_memory()
                    self.boxes = [each.pin_memory() for each in self.boxes]
                    return self

                def to(self, device):
                    self.images = self.images.to(device, non_blocking=True)  # <-
                    self.boxes = [each.to(device, non_blocking=True) for each in self.boxes]  # <-
                    return self
            for batch in loader:
                model(batch.to(device)).backward()
                optimizer.step()
            """,
        ),
        """
        import torch
        from torch.utils.data import DataLoader
        loader = DataLoader(dataset, pin_memory=True)
        def on_device(parts, device):
            return tuple(torch.as_tensor(part, device=device) for part in parts)  # <-
        for x, y in loader:
            x = torch.as_tensor(x, device=device)  # <-
            model(*on_device(y, "cuda"), x).mean().backward()
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return all copies of a batch to another device."""
        calls = [c for c in facts.syntax.calls_to("to", "cuda") if not _only_casts(facts, c)]
        yield from (c for c in calls if facts.is_hot(c) and _owner(facts, c).batch)
        if facts.regions.trains and facts.says("def pin_memory"):
            yield from (c for c in calls if facts.pinned_batches.copies(c))
        made = [c for c in facts.syntax.calls_to("as_tensor") if keyword(c, "device")]
        yield from (c for c in made if facts.is_hot(c) and _is_pinned_batch(facts, c))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `x.to(device)` and `x.cuda()` on a batch of a loader that is known."""
        name = node.func.attr.value if isinstance(node.func, cst.Attribute) else None
        call = self.facts.call(node)
        if name == "as_tensor" and call is not None:
            self._visit_as_tensor(node, call)
        if not isinstance(node.func, cst.Attribute) or name not in ("to", "cuda"):
            return
        if any(arg.keyword and arg.keyword.value == "non_blocking" for arg in node.args):
            return
        if sum(arg.keyword is None for arg in node.args) > 1 or any(arg.star for arg in node.args):
            return  # `non_blocking` may be among them
        if call is not None and self._is_of_pinned_class(call):
            message = "the CPU waits for the copy of what `pin_memory` of this class pins"
            self.report(node, message, fix=with_argument(node, _NON_BLOCKING))
            return
        if call is not None and isinstance(self.facts.syntax.parent(call), ast.Expr):
            return  # a batch of its own class, which moves itself
        hot = self.facts.hot(node)
        source = self.facts.value(node.func.value)
        if hot is None or not source.batch:
            return
        if source.device is not Device.HOST or self.facts.value(node).device is Device.HOST:
            return
        if self.facts.value(node).batch:
            return  # still on the host: this only changed the dtype
        fix = with_argument(node, _NON_BLOCKING)
        if source.pinned is None:
            if call is not None and self.facts.copies.believed_pinned(call):
                message = "the CPU waits for this copy; others of the same batch do not block"
                self.report(node, message, why=hot.why, fix=fix)
        elif source.pinned:
            message = "the CPU waits for the copy of a pinned batch in every step"
            self.report(node, message, why=hot.why, fix=fix, safe=True)
        else:
            message = "the CPU waits for the copy of an unpinned batch in every step"
            self.report(node, message, why=hot.why, severity=Severity.INFO)

    def _visit_as_tensor(self, node: cst.Call, call: ast.Call) -> None:
        """Flag `torch.as_tensor(x, device=device)`, which cannot copy without waiting."""
        hot = self.facts.hot(node)
        if self.facts.name(node.func) != "torch.as_tensor" or hot is None:
            return
        there = self.facts.value(node).device is Device.ACCELERATOR
        if keyword(call, "device") and there and _is_pinned_batch(self.facts, call):
            message = "the CPU waits for the copy of a pinned batch in every step"
            self.report(node, message, why=hot.why)

    def _is_of_pinned_class(self, call: ast.Call) -> bool:
        """Whether this moves a part of a batch that says how loaders pin it."""
        if not self.facts.regions.trains or self.facts.is_test_code:
            return False
        given = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "device")]
        moves = called_name(call) == "cuda" or any(map(self.facts.factories.is_device, given))
        return moves and self.facts.pinned_batches.copies(call)


def _is_pinned_batch(facts: Facts, call: ast.Call) -> bool:
    """Whether the first argument is a part of a batch that a loader pins for certain."""
    given = facts.dataflow.value(call.args[0]) if call.args else UNKNOWN
    return given.batch and given.pinned is True and given.device is Device.HOST


def _owner(facts: Facts, call: ast.Call) -> Value:
    """Return what a method is called on."""
    func = call.func
    return facts.dataflow.value(func.value) if isinstance(func, ast.Attribute) else UNKNOWN


def _only_casts(facts: Facts, call: ast.Call) -> bool:
    """Whether this is `x.to(dtype)`, which stays on the device, as most calls in models are."""
    if len(call.args) != 1 or call.keywords:
        return False
    (given,) = call.args
    return getattr(given, "attr", None) == "dtype" or facts.names.of(given) in DTYPES
