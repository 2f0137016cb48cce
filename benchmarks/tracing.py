"""What `perflint trace` costs: steps with and without it, in turn, in one process.

The step is a small GPT's (4 layers, 128 wide, about 550 operators) with AdamW and clipping: small
operators, for which watching each is dear. The bar is 1.8.
"""

import argparse
import os
import statistics
import sysconfig
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch_perflint.runners.tracing.recorder import Recorder
from torch_perflint.runners.tracing.sites import Sites
from torch_perflint.runners.tracing.torch_shadow import Shadow

BAR = 1.8
BATCH, LENGTH, WIDTH, HEADS, LAYERS, WORDS = 4, 64, 128, 4, 4, 128


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attend, self.project = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.think = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        heads = (BATCH, LENGTH, HEADS, WIDTH // HEADS)
        parts = self.attend(self.first(x)).chunk(3, -1)
        q, k, v = (part.view(heads).transpose(1, 2) for part in parts)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.project(seen.transpose(1, 2).reshape(BATCH, LENGTH, WIDTH))
        return x + self.think(self.second(x))


def make_step(device: str) -> Callable[[], float]:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Embedding(WORDS, WIDTH), *(Block() for _ in range(LAYERS)), nn.Linear(WIDTH, WORDS)
    ).to(device)
    optimizer = torch.optim.AdamW(net.parameters(), foreach=True)

    def step() -> float:
        words = torch.randint(WORDS, (BATCH, LENGTH)).to(device)
        loss = F.cross_entropy(net(words).flatten(0, 1), words.roll(-1, 1).flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    return step


def seconds(step: Callable[[], float]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=40)
    pairs = parser.parse_args().pairs
    torch.set_num_threads(1)
    stdlib = sysconfig.get_paths()["stdlib"]
    shadow = Shadow(Recorder(Sites(os.path.dirname(torch.__file__), stdlib)))
    plain = make_step("cpu")
    shadow.enter()
    traced = make_step("cuda")
    traced()
    shadow.leave()
    plain()
    ratios, costs = [], []
    for _ in range(pairs):
        without = seconds(plain)
        shadow.enter()
        with_it = seconds(traced)
        shadow.leave()
        ratios.append(with_it / without)
        costs.append((without * 1e3, with_it * 1e3))
    low, middle, high = statistics.quantiles(ratios, n=4)
    before, after = (statistics.median(column) for column in zip(*costs, strict=True))
    print(f"{before:.1f} ms -> {after:.1f} ms, {pairs} pairs")
    print(f"ratio {middle:.2f} (quartiles {low:.2f} to {high:.2f}), bar {BAR}")
    raise SystemExit(middle > BAR)


if __name__ == "__main__":
    main()
