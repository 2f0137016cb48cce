"""Public training scripts, traced and plain: whether their losses are the same to the last bit.

`DIR` has checkouts as `owner+name`: karpathy/nanoGPT, karpathy/minGPT, lucidrains/x-transformers,
pytorch/examples. `--python` is that of an environment with what they need (transformers,
accelerate, lightning, einops, einx, loguru, tqdm, torch_einops_utils). Scripts are copied and
edited so that they seed, print each loss in hexadecimal, and end after some steps; the plain side
is told the CPU, and the autocast, scaler and optimizer that the other side takes on a GPU.
"""

import argparse
import json
import os
import pickle
import random
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
Edits = tuple[tuple[str, str, str], ...]  # file, pattern, replacement


@dataclass(frozen=True)
class Case:
    name: str
    folder: str
    arguments: str
    both: Edits = ()
    plain: Edits = ()
    plain_arguments: str = ""
    dtypes: tuple[str, ...] = ("float32",)


SEED = r"\g<0>; torch.manual_seed(0)"
IMPORT = r"(?m)^import torch$"
DDP = "pytorch+examples/distributed/ddp-tutorial-series"
TELL_DDP = r'\g<0>; print("LOSS", loss.item().hex())'
NANO = (
    "--dataset=random --n_layer=2 --n_head=2 --n_embd=64 --block_size=64 --batch_size=4 "
    "--gradient_accumulation_steps=2 --max_iters=12 --eval_interval=6 --eval_iters=2 "
    "--log_interval=2 --dropout=0.1 --warmup_iters=2 --dtype=DTYPE"
)
TELL_NANO = r"print('LOSS', lossf.hex()); \g<0>"
CASES = (
    Case(
        "nanoGPT",
        "karpathy+nanoGPT",
        f"train.py {NANO}",
        both=(("train.py", r'print\(f"iter', TELL_NANO),),
        plain=(
            ("train.py", r"nullcontext\(\) if device_type == 'cpu' else ", ""),
            ("train.py", r"torch\.cuda\.amp\.GradScaler\(", "torch.amp.GradScaler('cpu', "),
            ("model.py", r"fused_available and device_type == 'cuda'", "fused_available"),
        ),
        plain_arguments=" --device=cpu --compile=False",
        dtypes=("float32", "bfloat16", "float16"),
    ),
    Case(
        "minGPT, adder",
        "karpathy+minGPT",
        "projects/adder/adder.py --trainer.max_iters=16 --trainer.num_workers=2",
        both=(
            (
                "projects/adder/adder.py",
                r"train loss \{trainer\.loss\.item\(\):\.5f\}",
                "\\\\nLOSS {trainer.loss.item().hex()}",
            ),
            ("projects/adder/adder.py", r"iter_num % 10 ==", "iter_num % 2 =="),
        ),
    ),
    Case(
        "x-transformers, copy",
        "lucidrains+x-transformers",
        "train_copy.py",
        both=(
            ("train_copy.py", r"int\(1e5\)", "12"),
            ("train_copy.py", r"GENERATE_EVERY  = 100", "GENERATE_EVERY = 8"),
            ("train_copy.py", r"\{i\}: \{loss\.item\(\)\}", "\\\\nLOSS {loss.item().hex()}"),
            ("train_copy.py", IMPORT, SEED),
        ),
    ),
    Case(
        "examples, one GPU",
        DDP,
        "single_gpu.py 1 1",
        both=(
            ("single_gpu.py", r"self\.optimizer\.step\(\)", TELL_DDP),
            ("single_gpu.py", r"F\.cross_entropy", "F.mse_loss"),
            ("single_gpu.py", IMPORT, SEED),
        ),
        plain=(("single_gpu.py", r"device = 0", 'device = "cpu"'),),
    ),
    Case(
        "examples, torchrun",
        DDP,
        "-m torch.distributed.run --nproc-per-node 1 multigpu_torchrun.py 1 1",
        both=(
            ("multigpu_torchrun.py", r"self\.optimizer\.step\(\)", TELL_DDP),
            ("multigpu_torchrun.py", r"F\.cross_entropy", "F.mse_loss"),
            ("multigpu_torchrun.py", IMPORT, SEED),
        ),
        plain=(
            ("multigpu_torchrun.py", r'backend="nccl"', 'backend="gloo"'),
            ("multigpu_torchrun.py", r"torch\.cuda\.set_device\(.*\)", "pass"),
            ("multigpu_torchrun.py", r"\.to\(self\.gpu_id\)", ""),
            ("multigpu_torchrun.py", r", device_ids=\[self\.gpu_id\]", ""),
        ),
    ),
    Case(
        "HF Trainer",
        "",
        "hf_trainer.py",
        plain=(("hf_trainer.py", r"max_steps=14", "use_cpu=True, max_steps=14"),),
        dtypes=("float32", "bfloat16"),
    ),
    Case("Lightning", "", "lightning_fit.py", dtypes=("float32", "bfloat16")),
    Case("Accelerate", "", "accelerate_loop.py", dtypes=("float32", "bfloat16")),
)


def edit(folder: Path, edits: Edits) -> None:
    for name, pattern, replacement in edits:
        text = (folder / name).read_text()
        changed, count = re.subn(pattern, replacement, text)
        assert count, f"{name} has no {pattern}"
        (folder / name).write_text(changed)


def prepare(source: Path, to: Path) -> Path:
    """Copy a checkout's Python files, with random words for nanoGPT to read."""
    ignore = shutil.ignore_patterns(".git", "*.pt", "*.gz", "*.png", "*.jpg")
    shutil.copytree(source, to, ignore=ignore)
    data = to / "data" / "random"
    data.mkdir(parents=True, exist_ok=True)
    words = random.Random(0)
    for name in ("train.bin", "val.bin"):
        (data / name).write_bytes(
            b"".join(words.randrange(65).to_bytes(2, "little") for _ in range(20_000))
        )
    (data / "meta.pkl").write_bytes(pickle.dumps({"vocab_size": 65, "itos": {}, "stoi": {}}))
    return to


def losses(command: list[str], folder: Path, dtype: str) -> tuple[list[str], str]:
    paths = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "PYTHONPATH": paths, "DTYPE": dtype, "MASTER_PORT": "0"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    text = done.stdout + done.stderr
    return re.findall(r"(?m)^LOSS ([-0x].*?)(?:\s*\r|$)", text), text


def run(case: Case, dtype: str, root: Path, python: str, work: Path) -> tuple[bool, str]:
    source = root / case.folder if case.folder else HERE / "traced"
    told: dict[str, tuple[list[str], str]] = {}
    for side in ("plain", "traced"):
        folder = prepare(source, work / f"{case.name}-{dtype}-{side}".replace(" ", "-"))
        edit(folder, case.both + (case.plain if side == "plain" else ()))
        words = case.arguments.replace("DTYPE", dtype)
        words += case.plain_arguments if side == "plain" else ""
        command = [python, *words.split()]
        if side == "traced":
            out = work / "trace.json"
            here = [sys.executable, "-m", "torch_perflint", "trace", "--out", str(out)]
            command = [*here, "--", *command]
        told[side] = losses(command, folder, dtype)
    (plain, plain_text), (traced, traced_text) = told["plain"], told["traced"]
    same = plain == traced and len(plain) > 0
    if not same:
        print(plain, traced, plain_text[-2000:], traced_text[-2000:], sep="\n")
        return False, "differs"
    trace = json.loads((work / "trace.json").read_text())
    waits = sorted(trace["waits"].values())
    usual = waits[len(waits) // 2] if waits else 0
    words = f"{len(plain)} losses, {trace['steps']} steps, {usual} waits per step"
    if case.name == "HF Trainer":
        words += f", {known_sync(trace)}"
    return True, words


def known_sync(trace: dict[str, list[dict[str, object]]]) -> str:
    """Find what transformers issue #33693 is about."""
    for sync in trace["syncs"]:
        path, number = str(sync["path"]), int(str(sync["line"]))
        if path.endswith("transformers/trainer.py") and sync["blocks"]:
            # A condition over several lines is put down to one of them.
            near = Path(path).read_text().splitlines()[number - 1 : number + 4]
            if any("isnan" in line or "isinf" in line for line in near):
                return f"#33693 at trainer.py:{number}, {sync['per_step']['typical']} per step"  # type: ignore[index]
    return "#33693 not found"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, metavar="DIR")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("-k", default="", metavar="NAME")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as work:
        for case in CASES:
            for dtype in case.dtypes if options.k in case.name else ():
                folder = Path(work) / f"{case.name}-{dtype}"
                folder.mkdir()
                same, words = run(case, dtype, options.root, options.python, folder)
                failed += not same
                print(f"{'same' if same else 'DIFFERS'}  {case.name}, {dtype}: {words}", flush=True)
    raise SystemExit(failed > 0)


if __name__ == "__main__":
    main()
