"""Times `perflint --version` against `python -c "import argparse"`, in turn."""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path


def seconds(command: list[str]) -> float:
    """Run the command once and return its wall time."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    """Print the median ratio of the pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=30)
    pairs = parser.parse_args().pairs
    ours = [str(Path(sys.executable).with_name("perflint")), "--version"]
    theirs = [sys.executable, "-c", "import argparse"]
    for command in (ours, theirs):
        seconds(command)  # compiles and fills the caches
    ratios = [seconds(ours) / seconds(theirs) for _ in range(pairs)]
    middle = statistics.median(ratios)
    print(f"perflint --version / import argparse: median {middle:.2f} of {pairs} pairs")


if __name__ == "__main__":
    main()
