"""The bar of the server in small: `benchmarks/deliveries.py` for seconds, killed in the middle.

The rate and the latency are the benchmark's to judge, on a machine that does nothing else.
"""

import os
import subprocess
import sys

from .conftest import ROOT


def test_two_hundred_deliveries_a_second_and_a_kill_lose_nothing() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "deliveries.py"), "--seconds", "3", "--kill"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        timeout=120,
    )
    met = [line[5:] for line in done.stdout.splitlines() if line.startswith("yes  ")]
    assert {
        "nothing is lost (0)",
        "nothing is dead (0)",
        "every report stands once (0 do not)",
        "memory stays below 256 MiB",
        "what is odd is refused",
    } <= {*met}, done.stdout + done.stderr
    # Else nothing was refused, nothing was down, and nothing was told.
    assert "('forged', 401)" in done.stdout and "{0: " in done.stdout
    assert "comments    on 12 pull requests" in done.stdout
