"""The code that linters are timed on, and the peers' environments: pinned, fetched once."""

import random
import shutil
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from environments import environment, pip
from torch_perflint import PerflintError

# The small sample is drawn from the first four, the large one from all of them.
PACKAGES = {
    "transformers": "4.57.1",
    "timm": "1.0.31",
    "lightning": "2.6.6",
    "accelerate": "1.15.0",
    "diffusers": "0.42.1",
    "peft": "0.18.0",
    "trl": "1.16.0",
}
SMALL_FROM = ("transformers", "timm", "lightning", "accelerate")
PEERS = {"torchfix": "0.7.0", "hotpath-ai": "0.1.0", "ruff": "0.17.6"}
SEED = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """Files copied into a folder of their own, by their names there, with their sizes."""

    folder: Path
    lines: dict[str, int]
    bytes: dict[str, int]
    with_torch: frozenset[str]

    def describe(self) -> str:
        """How many files and lines."""
        return f"{len(self.lines):,} files ({sum(self.lines.values()):,} lines)"

    def bytes_with_torch(self) -> int:
        """The size of what TorchFix looks at: it leaves files without that word alone."""
        return sum(self.bytes[name] for name in self.with_torch)


def sources(cache: Path) -> Path:
    """The folder with all packages unpacked; what is missing is downloaded."""
    folder = cache / "sources"
    for name, version in PACKAGES.items():
        if (folder / f"{name}-{version}.dist-info").exists():
            continue
        wheels = cache / "wheels"
        pip(sys.executable, "download", "--no-deps", "--only-binary=:all:", f"{name}=={version}",
             "--dest", str(wheels))  # fmt: skip
        (wheel,) = wheels.glob(f"{name}-{version}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
    return folder


def peer(cache: Path, name: str) -> Path:
    """The folder of a peer's commands. Each has an environment: they pin what others need newer."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    home = cache / "peers" / f"{name}-{PEERS[name]}-python{python}"
    return environment(home, f"{name}=={PEERS[name]}")


def python_files(root: Path, packages: Iterable[str] | None = None) -> list[str]:
    """The Python files of these packages, or of all, in an order that no file system decides."""
    folders = [root / name for name in packages] if packages else [root]
    found = (file for folder in folders for file in folder.rglob("*.py") if file.is_file())
    parts = sorted(file.relative_to(root).parts for file in found)
    return ["/".join(names) for names in parts]


def pick(files: Sequence[str], count: int) -> list[str]:
    """So many of them, the same ones each time; all of them where there are not so many."""
    return random.Random(SEED).sample(files, min(count, len(files)))


def every_nth(files: Sequence[str], number: int) -> list[str]:
    """One of each `number` in their order: a share of every package, and of small and large."""
    return list(files[number // 2 :: number] or files[:1])


def copy(root: Path, names: Iterable[str], folder: Path) -> Sample:
    """Copy the files to `folder`, which is new, and say what is in them."""
    lines: dict[str, int] = {}
    sizes: dict[str, int] = {}
    with_torch = set()
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target)
        text = target.read_bytes()
        lines[name] = text.count(b"\n")
        sizes[name] = len(text)
        if b"torch" in text:
            with_torch.add(name)
    if not lines:
        raise PerflintError(f"no Python files in {root}: give --corpus a folder that holds some")
    return Sample(folder, lines, sizes, frozenset(with_torch))
