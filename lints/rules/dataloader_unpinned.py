"""PFL202 dataloader-unpinned."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..arguments import with_argument
from ..facts import Facts
from ..rule import Invalid, Rule

_PIN = cst.parse_expression("f(pin_memory=True)")
_PIN_ON_GPU = cst.parse_expression("f(pin_memory=torch.cuda.is_available())")


class DataloaderUnpinned(Rule):
    """A `DataLoader` whose batches go to a GPU, in training or its evaluation, does not pin them.

    ## Why it is slow
    Batches lie in pageable memory. The driver first copies them into a pinned buffer of its own,
    and that copy cannot overlap with compute, `non_blocking=True` or not.

    ## Instead
    Pass `pin_memory=torch.cuda.is_available()`, and move batches with `non_blocking=True`.

    ## When it is fine
    On training without a GPU, where the dataset already yields tensors on the device, and where the
    host is short of memory. Of a `TensorDataset` it speaks only where the loop over the loader is
    seen to move the batches: small data is often put on the device as a whole, but what
    `.to(device)` copies in each step comes out of pageable memory like any other batch, and those
    who labelled such loaders for us called them unpinned. Options that cannot be read count as
    pinned, and loaders for evaluation are looked at only where this file trains and moves their
    batches itself.

    ## Fix safety
    Unsafe: pinned memory is taken from the host, and a batch of a type of your own may not know how
    to be pinned.

    ## Source
    The PyTorch performance tuning guide ("Enable asynchronous data loading and augmentation") and
    the tutorial on `pin_memory` and `non_blocking`; without an accelerator, `pin_memory=True` only
    warns.
    """

    code = "PFL202"
    tokens = ("DataLoader",)
    hot_only = False

    VALID = (
        """
        import torch
        from torch.utils.data import DataLoader
        train_loader = DataLoader(dataset, pin_memory=torch.cuda.is_available())
        train_other = DataLoader(dataset, 8, True, None, None, 4, None, True)
        train_third = DataLoader(dataset, pin_memory=args.pin)
        train_fourth = DataLoader(dataset, pin_memory=config["loader"]["pin"])
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        train_loader = DataLoader(dataset, **options)
        train_rest = DataLoader(*arguments)
        model.cuda()
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        train_loader = DataLoader(dataset, batch_size=8)
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        def collate(batch):
            return torch.stack(batch).cuda()
        train_loader = DataLoader(dataset, collate_fn=collate)
        test_loader = DataLoader(dataset)
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        options = dict(batch_size=8, pin_memory=True)
        train_loader = DataLoader(dataset, **options)
        train_later = DataLoader(dataset, batch_size=8)
        train_later.pin_memory = torch.cuda.is_available()
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        options = {"batch_size": 8}
        if use_cuda:
            options.update({"num_workers": 1, "pin_memory": True})
        train_loader = DataLoader(dataset, **options)
        Loader = partial(DataLoader, pin_memory=True)
        train_other = Loader(dataset)
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        loader = DataLoader(dataset)
        for x, y in loader:
            print(model(x.to(device)))
        # nothing is trained here
        """,
        """
        import torch
        from torch.utils.data import DataLoader, TensorDataset
        train_loader = DataLoader(TensorDataset(X), 4, shuffle=True)
        x_train, y_train = X.to(device), Y.to(device)
        train_other = DataLoader(TensorDataset(x_train, y_train), 4)
        for x, y in train_other:
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        from torch.utils.data import DataLoader
        train_loader = DataLoader(texts, collate_fn=list)
        val_loader = DataLoader(texts, collate_fn=lambda items: items)
        model.cuda()
        """,
    )
    INVALID = (
        Invalid(
            """
            import torch
            from torch.utils.data import DataLoader, TensorDataset
            data = TensorDataset(X)
            train_loader = DataLoader(data, 4)  # <-
            for x in train_loader:
                model(x.to(device)).mean().backward()
                optimizer.step()
            """,
            fixed="""
            import torch
            from torch.utils.data import DataLoader, TensorDataset
            data = TensorDataset(X)
            train_loader = DataLoader(data, 4, pin_memory=torch.cuda.is_available())  # <-
            for x in train_loader:
                model(x.to(device)).mean().backward()
                optimizer.step()
            """,
        ),
        Invalid(
            """
            import torch
            from torch.utils.data import DataLoader as Loader
            train_loader = Loader(dataset, batch_size=8)  # <-
            model.cuda()
            """,
            fixed="""
            import torch
            from torch.utils.data import DataLoader as Loader
            train_loader = Loader(dataset, batch_size=8, pin_memory=torch.cuda.is_available())  # <-
            model.cuda()
            """,
        ),
        Invalid(
            """
            import torch
            run = torch.utils.data.DataLoader(data, pin_memory=False)  # <-
            for x, y in enumerate(run):
                model(x.to(device)).mean().backward()
                optimizer.step()
            """,
            fixed="""
            import torch
            run = torch.utils.data.DataLoader(data, pin_memory=torch.cuda.is_available())  # <-
            for x, y in enumerate(run):
                model(x.to(device)).mean().backward()
                optimizer.step()
            """,
        ),
        """
        from torch.utils.data import DataLoader
        options = {"batch_size": 8}
        loaders = {name: DataLoader(sets[name], **options) for name in ("train", "val")}  # <-
        for x, y in loaders["train"]:
            model(x.to(device)).mean().backward()
            optimizer.step()
        """,
        Invalid(
            """
            from torch.utils.data import DataLoader
            train_loader = DataLoader(dataset, pin_memory=True)
            val_loader = DataLoader(other)  # <-
            for x, y in train_loader:
                model(x.to(device)).mean().backward()
                optimizer.step()
            for x, y in val_loader:
                count(model(x.to(device)), y)
            """,
            fixed="""
            from torch.utils.data import DataLoader
            train_loader = DataLoader(dataset, pin_memory=True)
            val_loader = DataLoader(other, pin_memory=True)  # <-
            for x, y in train_loader:
                model(x.to(device)).mean().backward()
                optimizer.step()
            for x, y in val_loader:
                count(model(x.to(device)), y)
            """,
        ),
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that make loaders."""
        return facts.loaders.calls

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a loader whose batches go to the GPU and whose `pin_memory` is absent or false."""
        loader, loaders = self.facts.call(node), self.facts.loaders
        if loader is None or self.facts.is_test_code or not self.facts.uses_accelerator:
            return
        maker = loaders.maker(loader)
        if maker is None or loaders.pinned(loader) is not False or loaders.yields_raw_items(loader):
            return
        feeds = loaders.uses.feeds(loader)
        if feeds is None or loaders.yields_device_tensors(loader):
            return
        if loaders.is_pinned_later(loader):
            return
        if loaders.is_of_tensors(loader) and not loaders.uses.moves_visibly(loader):
            return
        message = f"{feeds} `DataLoader` in pageable memory"
        self.report(node, message, fix=None if maker.before else self._pinned(node))

    def _pinned(self, node: cst.Call) -> cst.Call | None:
        if any(arg.star for arg in node.args) or (len(node.args) > 7 and not node.args[7].keyword):
            return None
        pin = cst.ensure_type(_PIN_ON_GPU if self.facts.says_torch else _PIN, cst.Call).args
        if not any(a.keyword and a.keyword.value == "pin_memory" for a in node.args):
            return with_argument(node, pin[0])
        new = [
            a.with_changes(value=pin[0].value)
            if a.keyword and a.keyword.value == "pin_memory"
            else a
            for a in node.args
        ]
        return node.with_changes(args=new)
