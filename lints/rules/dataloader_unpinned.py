"""PFL202 dataloader-unpinned."""

import libcst as cst

from ..rule import Invalid, Rule

_PIN = cst.parse_expression("f(pin_memory=True)")


class DataloaderUnpinned(Rule):
    """A `DataLoader` that feeds training on a GPU does not pin its memory.

    ## Why it is slow
    Batches lie in pageable memory. The driver first copies them into a pinned buffer of its own,
    and that copy cannot overlap with compute.

    ## Instead
    Pass `pin_memory=True`, and move batches with `non_blocking=True`.

    ## When it is fine
    On training without a GPU, where the dataset already yields tensors on the device, and where the
    host is short of memory. `pin_memory=torch.cuda.is_available()` counts as pinned.

    ## Fix safety
    Unsafe: pinned memory is taken from the host, and a batch of a type of your own may not know how
    to be pinned.
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
    )
    INVALID = (
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
            train_loader = Loader(dataset, batch_size=8, pin_memory=True)  # <-
            model.cuda()
            """,
        ),
        Invalid(
            """
            import torch
            loader = torch.utils.data.DataLoader(dataset, pin_memory=False)  # <-
            for x, y in enumerate(loader):
                model(x.to(device)).mean().backward()
                optimizer.step()
            """,
            fixed="""
            import torch
            loader = torch.utils.data.DataLoader(dataset, pin_memory=True)  # <-
            for x, y in enumerate(loader):
                model(x.to(device)).mean().backward()
                optimizer.step()
            """,
        ),
    )

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a training loader whose `pin_memory` is absent or false."""
        loader = self.facts.training_loader(node)
        if loader is None or self.facts.loaders.pinned(loader) is not False:
            return
        if self.facts.loaders.yields_device_tensors(loader):
            return
        if self.facts.loaders.is_pinned_later(loader):
            return
        self.report(node, "a training `DataLoader` in pageable memory", fix=self._pinned(node))

    def _pinned(self, node: cst.Call) -> cst.Call | None:
        if any(arg.star for arg in node.args) or (len(node.args) > 7 and not node.args[7].keyword):
            return None
        pin = cst.ensure_type(_PIN, cst.Call).args
        kept = [a for a in node.args if not (a.keyword and a.keyword.value == "pin_memory")]
        if len(kept) == len(node.args):
            return node.with_changes(args=[*kept, *pin])
        new = [
            a.with_changes(value=pin[0].value)
            if a.keyword and a.keyword.value == "pin_memory"
            else a
            for a in node.args
        ]
        return node.with_changes(args=new)
