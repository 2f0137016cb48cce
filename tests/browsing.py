"""Chromium for tests that look at pages, driven by the tool that makes the pictures in docs/."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@cache
def picture_tool() -> ModuleType:
    """Load docs/picture.py, which is no part of the package."""
    file = Path(__file__).parents[1] / "docs" / "picture.py"
    spec = importlib.util.spec_from_file_location("picture", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; where there is none, the test is skipped with a word."""
    tool = picture_tool()
    program = tool.find_chromium()
    if program is None:
        pytest.skip("no Chromium on this machine: install your system's package")
    with tool.Browser(program) as one:
        yield one
