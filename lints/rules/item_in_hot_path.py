"""PFL101 item-in-hot-path."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..sync_rule import SyncRule


class ItemInHotPath(SyncRule):
    """`.item()` on a tensor in code that runs in every training step.

    ## Why it is slow
    The value is only known when the GPU has finished all that was queued before it. So the CPU
    waits, queues nothing meanwhile, and the GPU then waits for the CPU. Once per step, that undoes
    the overlap that makes training fast.

    ## Instead
    Keep the tensor: `total += loss.detach()`, and read it once, after the loop or every N steps.

    ## When it is fine
    Every N steps (`if step % 100 == 0`), once per epoch, in evaluation, on tensors that are on the
    host already, and where training runs on the CPU anyway. `if rank == 0` does not help: that rank
    stalls, and the others wait for it. Where it is called for a progress bar, a log or a tracker,
    this rule speaks of it, and not theirs.

    ## Source
    pytorch/torchtune issue 522: 40 to 50 ms of each step in `cudaStreamSynchronize`.
    """

    code = "PFL101"
    tokens = (".item(", ".item (")
    breaks_graph = True

    VALID = (
        """
        import torch
        for step, (x, y) in enumerate(loader):
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            if step % 100 == 0:
                print(loss.item())  # <- info
        """,
        """
        import torch
        for epoch in range(epochs):
            total = torch.zeros((), device="cuda")
            for x, y in loader:
                loss = criterion(model(x), y)
                loss.backward()
                optimizer.step()
                total += loss.detach()
            print((total / len(loader)).item())
        """,
        """
        import numpy as np
        for x, y in loader:
            loss = model(x)
            loss.backward()
            optimizer.step()
            seen.append(np.mean(x).item())
            count = args.item()
            names = config.item()
        """,
        """
        import torch
        def evaluate(model, loader):
            for x, y in loader:
                correct += (model(x).argmax(1) == y).sum().item()  # <- info
        """,
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            loss = loss.detach().cpu()
            total += loss.item()
        """,
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            seen += y.item()
        """,
        """
        import torch
        while True:
            action = sampler(state).item()
            state = env.step(action)
        """,
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            if failed(x):
                raise ValueError(loss.item())
            loss.backward()
            optimizer.step()
            if step % every:
                continue
            print(loss.item())  # <- info
        """,
        """
        import torch
        from torch import nn
        heads = nn.ModuleDict({"a": nn.Linear(3, 3)})
        for x, y in loader:
            losses = {name: head(x).mean() for name, head in heads.items()}
            loss = sum(losses.values())
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            texts = tokenizer(names).item()
            if state.global_step % args.logging_steps == 0:
                print(loss.item())  # <- info
            if control.should_log or step in {10, 100}:
                print(loss.item())  # <- info
        """,
    )
    INVALID = (
        """
        import torch
        for step, (x, y) in enumerate(loader):
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            if is_main_process():
                print(loss.item())  # <-
            if step % 1 == 0:
                print(loss.item())  # <-
        """,
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()  # <-
        """,
        """
        import torch
        def train_step(model, optimizer, batch, target):
            optimizer.zero_grad()
            output = model(batch)
            loss = torch.nn.functional.mse_loss(output, target)
            loss.backward()
            optimizer.step()
            return loss.item()  # <-
        """,
        """
        import torch
        for x, y in loader:
            loss = unheard_of(x, y)
            accelerator.backward(loss)
            optimizer.step()
            if rank == 0:
                log(loss.detach().item())  # <-
        """,
        """
        import torch
        from pytorch_lightning import LightningModule
        class Lit(LightningModule):
            def training_step(self, batch, batch_idx):
                loss = self.compute(batch)
                out = self(batch)
                self.log("out", out.mean().item())  # <-
                return loss
        """,
        """
        import torch
        EVERY = 1
        def train(loader, model, opt):
            for step, (x, y) in enumerate(loader):
                out = model(x.cuda())
                loss = out.mean()
                loss.backward()
                opt.step()
                if step % EVERY == 0:
                    print(loss.item())  # <-
                log_losses({"loss": loss})

        def log_losses(losses):
            print(1)
        """,
        """
        import torch
        from somewhere import accuracy
        for x, y in loader:
            out = model(x)
            losses = {"a": out.mean(), "b": out.std()}
            loss = sum(losses.values())
            loss.backward()
            optimizer.step()
            total += sum(part.item() for part in losses.values())  # <-
            print(f"{losses['a'].item():.3f}")  # <-
            best, _ = accuracy(out, y)
            seen.append(best.item())  # <-
            [meter.update(part.item()) for meter, part in zip(meters, losses.values())]  # <-
            writer.add_scalar("loss", loss.item(), step)  # <-
            bar.set_postfix(loss=loss.item())  # <-
        """,
        """
        import torch
        def report(loss):
            print(loss.item())  # <-

        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report(loss)
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls of `.item()`."""
        return facts.syntax.calls_to("item")

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `x.item()` where `x` is a tensor on the device, or was made of such."""
        if not isinstance(node.func, cst.Attribute) or node.func.attr.value != "item" or node.args:
            return
        value = self.facts.value(node.func.value)
        if value.on_device or value.is_derived:
            self.says(node, value, "`.item()` waits for the device")
