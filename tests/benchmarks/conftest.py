"""Benchmarks are commands, no package: they find each other by lying in one folder."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
