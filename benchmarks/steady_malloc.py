"""Times a convolution step with glibc defaults and with the malloc settings of workers, in turn."""

import os
import resource
import statistics
import subprocess
import sys
import time

from torch_perflint.runners.processes.isolate import STEADY_MALLOC


def measure() -> None:
    """Print milliseconds and page faults per step of this process."""
    import torch

    torch.set_num_threads(1)
    layers = [torch.nn.Conv2d(c, 32, 3, padding=1) for c in (3, 32, 32)]
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    images = torch.randn(32, 3, 32, 32)

    def step() -> None:
        model.zero_grad()
        model(images).mean().backward()

    for _ in range(5):
        step()
    faults, begin = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
    for _ in range(20):
        step()
    milliseconds = (time.perf_counter() - begin) / 20 * 1e3
    print(milliseconds, (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults) / 20)


def main() -> None:
    """Print the median ratio of the pairs and the faults of both."""
    kinds: dict[str, dict[str, str]] = {"default": {}, "steady": STEADY_MALLOC}
    seen: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for _ in range(7):
        for kind, settings in kinds.items():
            command = [sys.executable, __file__, "--measure"]
            printed = subprocess.check_output(command, env={**os.environ, **settings}, text=True)
            milliseconds, faults = map(float, printed.split())
            seen[kind].append((milliseconds, faults))
    ratios = [a[0] / b[0] for a, b in zip(seen["default"], seen["steady"], strict=True)]
    print(f"default / steady: median {statistics.median(ratios):.2f}")
    for kind, figures in seen.items():
        times = [milliseconds for milliseconds, _ in figures]
        faults = statistics.median(faults for _, faults in figures)
        print(f"{kind}: {min(times):.1f} to {max(times):.1f} ms, {faults:.0f} page faults per step")


if __name__ == "__main__":
    measure() if "--measure" in sys.argv else main()
