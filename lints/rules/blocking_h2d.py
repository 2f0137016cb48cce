"""PFL203 blocking-h2d."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..arguments import keyword_argument, with_argument
from ..facts import Facts
from ..finding import Severity
from ..rule import Cost, Invalid, Rule
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
    first: without it, `non_blocking` changes nothing.

    ## When it is fine
    Where the batch is copied once and used for long, where a framework has moved the batch already,
    and when the loader cannot pin.

    ## Fix safety
    Safe where the loop takes the batch straight from a pinned loader: kernels of the same stream
    wait for the copy, so results are the same. Unsafe where only a neighbouring copy of the same
    batch says that the loader pins. Not offered elsewhere.

    ## Source
    The PyTorch tutorial on `pin_memory` and `non_blocking`.
    """

    code = "PFL203"
    cost = Cost.COPY
    tokens = (".to(", ".cuda(")
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
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return all copies of a batch to another device."""
        calls = facts.syntax.calls_to("to", "cuda")
        calls = [c for c in calls if not _only_casts(facts, c) and facts.is_hot(c)]
        return (call for call in calls if _owner(facts, call).batch)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `x.to(device)` and `x.cuda()` on a batch of a loader that is known."""
        if not isinstance(node.func, cst.Attribute) or node.func.attr.value not in ("to", "cuda"):
            return
        if any(arg.keyword and arg.keyword.value == "non_blocking" for arg in node.args):
            return
        if sum(arg.keyword is None for arg in node.args) > 1 or any(arg.star for arg in node.args):
            return  # `non_blocking` may be among them
        hot = self.facts.hot(node)
        source = self.facts.value(node.func.value)
        if hot is None or not source.batch:
            return
        if source.device is not Device.HOST or self.facts.value(node).device is Device.HOST:
            return
        if self.facts.value(node).batch:
            return  # still on the host: this only changed the dtype
        copy = self.facts.call(node)
        fix = with_argument(node, _NON_BLOCKING)
        if source.pinned is None:
            if copy is not None and self.facts.copies.believed_pinned(copy):
                message = "the CPU waits for this copy; others of the same batch do not block"
                self.report(node, message, why=hot.why, fix=fix)
        elif source.pinned:
            message = "the CPU waits for the copy of a pinned batch in every step"
            self.report(node, message, why=hot.why, fix=fix, safe=True)
        else:
            message = "the CPU waits for the copy of an unpinned batch in every step"
            self.report(node, message, why=hot.why, severity=Severity.INFO)


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
