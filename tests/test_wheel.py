"""What is shipped: the wheel holds the package and its data, and the base install draws libcst."""

import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tracked files, so that the checkout stays as it is."""
    copy = tmp_path_factory.mktemp("copy with a space")
    names = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, text=True
    )
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(copy / "dist")]
    subprocess.run([*build, str(copy)], check=True, capture_output=True)
    assert list((copy / "dist").glob("*.tar.gz"))
    (path,) = (copy / "dist").glob("*.whl")
    return path


def test_every_module_template_and_demo_file_is_in_the_wheel(wheel: Path) -> None:
    shipped = {name.removeprefix("torch_perflint/") for name in zipfile.ZipFile(wheel).namelist()}
    rooms = ("lints", "runners", "bot", "telemetry", "templates", "demo")
    wanted = {
        file.relative_to(ROOT).as_posix()
        for room in rooms
        for file in (ROOT / room).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert wanted | {"__init__.py", "__main__.py", "py.typed"} <= shipped
    assert not [name for name in shipped if name.startswith(("tests/", "benchmarks/", "docs/"))]


def test_the_base_install_draws_libcst_and_no_extra_names_torch(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith("METADATA"))
    needs = message_from_bytes(archive.read(metadata)).get_all("Requires-Dist") or []
    assert [need for need in needs if "extra ==" not in need] == ["libcst>=1.5"]
    assert not [need for need in needs if need.startswith("torch") and "torch-perflint" not in need]
    assert "Project-URL: Rules, https://" in archive.read(metadata).decode(), (
        "what links in findings need"
    )
    entry_points = archive.read(metadata.replace("METADATA", "entry_points.txt")).decode()
    for line in ("perflint = torch_perflint.__main__:main", "[pytest11]"):
        assert line in entry_points
