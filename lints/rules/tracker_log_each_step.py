"""PFL108 tracker-log-each-step."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..shown import Sink
from ..sync_rule import SyncRule, shown_tensor


class TrackerLogEachStep(SyncRule):
    """A tracker (TensorBoard, wandb, MLflow, `accelerator.log`) is given a tensor in every step.

    ## Why it is slow
    Trackers store numbers: they read the tensor at once, and the CPU waits until the GPU has
    finished all that was queued before it. Many also write a record each time.

    ## Instead
    Track every N steps, or gather detached tensors and track their mean.

    ## When it is fine
    Every N steps and once per epoch. `self.log("loss", loss)` of a LightningModule keeps to
    `log_every_n_steps` and does not read the tensor in between. Where `.item()` is called for the
    tracker, that call is what waits: `item-in-hot-path`.

    ## Source
    deepspeedai/DeepSpeed issue 5135; `SummaryWriter.add_scalar` makes a numpy array of the tensor
    (`torch/utils/tensorboard/_convert_np.py`).
    """

    code = "PFL108"
    tokens = ("log", "add_scalar", "add_histogram", "report_scalar", "track_scalar")

    VALID = (
        """
        import torch
        import wandb
        for step, (x, y) in enumerate(loader):
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            if step % 50 == 0:
                wandb.log({"loss": loss})  # <- info
                writer.add_scalar("loss", loss, step)  # <- info
            wandb.log({"lr": lr, "step": step})
            writer.add_scalar("loss", loss.item(), step)
        wandb.log({"loss": loss})
        """,
        """
        import torch
        from pytorch_lightning import LightningModule
        class Lit(LightningModule):
            def training_step(self, batch, batch_idx):
                loss = self(batch).mean()
                self.log("loss", loss)
                self.log_dict({"loss": loss})
                return loss
        """,
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            x = torch.log(x)
            tracker.log(step)
            wandb.watch(model)
        """,
    )
    INVALID = (
        """
        import torch
        import wandb
        from torch.utils.tensorboard import SummaryWriter
        writer = SummaryWriter()
        for step, (x, y) in enumerate(loader):
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            wandb.log({"loss": loss})  # <-
            writer.add_scalar("loss", loss, step)  # <-
            writer.add_scalars("losses", {"all": loss.detach()}, step)  # <-
        """,
        """
        import mlflow
        import torch
        def train(accelerator, model, loader, optimizer):
            for step, batch in enumerate(loader):
                loss = model(**batch).loss
                accelerator.backward(loss)
                optimizer.step()
                logs = {"loss": loss.detach(), "step": step}
                accelerator.log(logs, step=step)  # <-
                if accelerator.is_main_process:
                    mlflow.log_metric("loss", loss)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls of trackers."""
        return facts.shown.calls(Sink.TRACKER)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a tracker that is given a tensor."""
        call = self.facts.call(node)
        if call is None or self.facts.shown.sink(call) is not Sink.TRACKER:
            return
        if value := shown_tensor(self.facts, self.facts.shown.given(call)):
            self.says(node, value, "a tensor given to a tracker is waited for")
