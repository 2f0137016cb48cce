"""A loop with Accelerate, as in its guide."""

import os

import torch
from accelerate import Accelerator
from torch import nn

accelerator = Accelerator(
    mixed_precision={"float32": "no", "bfloat16": "bf16"}[os.environ.get("DTYPE", "float32")]
)
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(16, 32), nn.Dropout(0.1), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.AdamW(net.parameters(), foreach=True)
data = torch.utils.data.TensorDataset(torch.randn(128, 16), torch.randint(4, (128,)))
loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True)
net, optimizer, loader = accelerator.prepare(net, optimizer, loader)
net.train()
for x, y in loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    accelerator.backward(loss)
    accelerator.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    print("LOSS", loss.item().hex())
