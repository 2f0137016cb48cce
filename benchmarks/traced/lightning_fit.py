"""Lightning's Trainer on a small network, two epochs, with workers and clipping."""

import os

import lightning
import torch
from torch import nn

PRECISION = {"float32": "32-true", "bfloat16": "bf16-mixed"}[os.environ.get("DTYPE", "float32")]
lightning.seed_everything(0)


class Module(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(16, 32), nn.Dropout(0.1), nn.ReLU(), nn.Linear(32, 4))

    def training_step(self, batch: list[torch.Tensor], number: int) -> torch.Tensor:
        x, y = batch
        loss = nn.functional.cross_entropy(self.net(x), y)
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=1e-2, foreach=True)

    def on_train_end(self) -> None:
        total = float(sum(p.detach().double().sum() for p in self.parameters()))
        print("LOSS", float(self.trainer.callback_metrics["loss"]).hex(), total.hex())


data = torch.utils.data.TensorDataset(torch.randn(128, 16), torch.randint(4, (128,)))
loader = torch.utils.data.DataLoader(data, 8, num_workers=2, pin_memory=True)
trainer = lightning.Trainer(
    max_epochs=2,
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    precision=PRECISION,
    gradient_clip_val=1.0,
)
trainer.fit(Module(), loader)
