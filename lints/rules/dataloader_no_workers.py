"""PFL201 dataloader-no-workers."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..rule import Rule


class DataloaderNoWorkers(Rule):
    """A `DataLoader` that feeds training has no worker processes.

    ## Why it is slow
    Without workers the training process itself reads, decodes and collates each batch, and the GPU
    waits for it in every step.

    ## Instead
    Pass `num_workers`. Start with the number of CPU cores per GPU and measure: more is not always
    faster.

    ## When it is fine
    With data that is in memory already (`TensorDataset`), with datasets that load in threads of
    their own, on a machine with one core, and while debugging a dataset.

    ## Source
    The PyTorch performance tuning guide ("Enable asynchronous data loading and augmentation").
    """

    code = "PFL201"
    tokens = ("DataLoader",)
    hot_only = False

    VALID = (
        """
        import torch
        from torch.utils.data import DataLoader
        train_loader = DataLoader(dataset, num_workers=4, batch_size=8)
        other_train = DataLoader(dataset, 8, True, None, None, workers)
        third_train = DataLoader(dataset, num_workers=config["loader"]["workers"])
        model.cuda()
        """,
        """
        import torch
        from torch.utils.data import DataLoader, TensorDataset
        data = TensorDataset(x, y)
        train_loader = DataLoader(data, batch_size=8)
        train_all = DataLoader(TensorDataset(x, y), batch_size=8)
        train_four = DataLoader(TensorDataset(X), 4, shuffle=True)
        for batch in train_four:
            model(batch.to(device)).mean().backward()
            optimizer.step()
        model.cuda()
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        train_loader = DataLoader(dataset, **options)
        train_rest = DataLoader(*arguments)
        train_batches = DataLoader(dataset, batch_size=None)
        model.cuda()
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        train_loader = DataLoader(dataset, batch_size=8)
        # nothing here runs on an accelerator
        """,
        """
        import torch
        from torch.utils.data import DataLoader
        val_loader = DataLoader(dataset, batch_size=8)
        loader = DataLoader(dataset, batch_size=8)
        model.cuda()
        """,
        """
        from dgl.dataloading import DataLoader
        train_loader = DataLoader(graph, ids)
        model.cuda()
        """,
        """
        import torch
        from torch.utils.data import DataLoader, Dataset, IterableDataset
        class Stream(IterableDataset):
            pass
        class InMemory(Dataset):
            def __getitem__(self, i):
                return self.x[i], self.y[i]
        train_loader = DataLoader(Stream(), batch_size=8)
        train_other = DataLoader(InMemory(), batch_size=8)
        model.cuda()
        """,
    )
    INVALID = (
        """
        import torch
        from torch.utils.data import DataLoader as Loader
        train_loader = Loader(dataset, batch_size=8)  # <-
        model.cuda()
        """,
        """
        import torch
        loader = torch.utils.data.DataLoader(dataset, num_workers=0)  # <-
        for x, y in loader:
            model(x.cuda()).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        from pytorch_lightning import LightningModule
        from torch.utils.data import DataLoader
        class Lit(LightningModule):
            def train_dataloader(self):
                return DataLoader(self.data, 8, True, None, None, 0)  # <-
        """,
        """
        import torch
        def fit(model, data):
            run(model, data)

        def run(model, data):
            options = {"batch_size": 8, "shuffle": True}
            loader = torch.utils.data.DataLoader(data, **options)  # <-
            for batch in tqdm(loader):
                model(batch.to(device)).mean().backward()
                optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that make loaders."""
        return facts.loaders.calls

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a training loader whose `num_workers` is absent or 0."""
        loader = self.facts.training_loader(node)
        if loader is None or not self.facts.loaders.without_workers(loader):
            return
        if not self.facts.loaders.needs_no_workers(loader):
            self.report(node, "a training `DataLoader` without worker processes")
