"""The nine things that a comment can be, as a team with GPUs would get them."""

from dataclasses import replace

from torch_perflint.bot.interim import Running, Waiting, render_running, render_waiting
from torch_perflint.bot.outlook import Outlook
from torch_perflint.bot.render import render_comment
from torch_perflint.bot.report import Report, RunLink
from torch_perflint.bot.state import LastVerdict
from torch_perflint.lints.finding import Edit, Severity, Span
from torch_perflint.runners.profiling.profile import (
    LineChange,
    LineCost,
    OperatorChange,
    PartChange,
    ProfileChange,
)
from torch_perflint.runners.result import (
    CounterChange,
    Failure,
    FileReason,
    PeakMemory,
    Selection,
    TestResult,
)
from torch_perflint.runners.sample import Environment, PerfTest, SyncSite
from torch_perflint.runners.verdict.compare import Verdict

from .reports import BASE, HEAD, compared, finding, report

LINK = RunLink("https://github.com", "acme/av-models", 812, 1, 7)
GIB = 1 << 30
GPU = Environment(
    python="3.11.9",
    torch="2.13.0+cu128",
    platform="Linux-6.1.0-41-amd64-x86_64",
    cpu="AMD EPYC 9654 96-Core Processor",
    cores=32,
    threads=16,
    device="cuda",
    gpu="NVIDIA H200 141GB HBM3e",
    driver="570.86.15",
    host="gpu-h200-03",
    cuda="12.8",
)


def trained(
    name: str,
    verdict: Verdict,
    change: float,
    half: float = 0.007,
    *,
    base_ms: float,
    items: float,
    unit: str = "images",
    gib: tuple[float, float] = (31.2, 31.2),
    **more: object,
) -> TestResult:
    """A perf test that was timed; `gib` is its peak on base and on head."""
    base, head = (round(size * GIB) for size in gib)
    result = TestResult(
        PerfTest(f"perf/test_{name}.py::test_{name}", f"perf/test_{name}.py", 9, items, unit),
        verdict,
        comparison=compared(verdict, change, half, base_ms=base_ms, detectable=0.012),
        counters=(CounterChange("host_syncs", 1, 1), CounterChange("operators", 3120, 3120)),
        peak=PeakMemory("cuda", base, head),
    )
    return replace(result, **more)  # type: ignore[arg-type]


RESNET = trained("resnet50_ddp", Verdict.SAME, -0.002, base_ms=90.9, items=256)
GPT2 = trained("gpt2_small", Verdict.SAME, 0.002, base_ms=357.0, items=32768, unit="tokens")
PILLARS = trained(
    "pointpillars", Verdict.SAME, -0.003, 0.008, base_ms=33.8, items=4, unit="frames",
    gib=(22.7, 22.7),
)  # fmt: skip
ITEM = "train/loop.py", 88, "aten::_local_scalar_dense"
SLOWER = trained(
    "resnet50_ddp",
    Verdict.SLOWER,
    -0.096,
    0.008,
    base_ms=90.9,
    items=256,
    counters=(
        CounterChange("host_syncs", 1, 33, True, (SyncSite(*ITEM, 32),)),
        CounterChange("operators", 3120, 3184),
    ),
    profile=ProfileChange(
        (
            OperatorChange("aten::_local_scalar_dense", 0.2, 9.7, 1, 33),
            OperatorChange("aten::item", 0.2, 9.8, 1, 33),
            OperatorChange("aten::cudnn_batch_norm", 12.2, 12.3, 53, 53),
        ),
        (LineChange(*ITEM[:2], "running_loss += loss.item()", 0.1, 9.5, True),),
        (
            PartChange("compute", 78.2, 78.4, 1.1),
            PartChange("communication", 4.3, 4.4, 0.9),
            PartChange("copies", 0.6, 0.6, 0.1),
            PartChange("data loading", 0.4, 0.4, 0.1),
            PartChange("waiting for the device", 0.3, 9.8, 0.4),
            PartChange("Python and launching", 2.9, 3.0, 0.3),
            PartChange("optimizer", 3.9, 3.9, 0.2),
            PartChange("unexplained", 0.3, 0.1, 0.2),
        ),
        (LineCost("train/model.py", 20, 61.2), LineCost(*ITEM[:2], 9.5)),
        100.6,
    ),
)
FASTER = trained(
    "bev_fusion",
    Verdict.FASTER,
    0.061,
    base_ms=21.7,
    items=1,
    unit="frames",
    gib=(58.0, 54.3),
    profile=ProfileChange(
        (OperatorChange("aten::_flash_attention_forward", 5.1, 3.9, 24, 24),), ()
    ),
)
WAITS = finding(*ITEM[:2], message="`.item()` in the training loop makes the GPU wait")
UNPINNED = finding(
    "train/data.py",
    31,
    "PFL202",
    "dataloader-unpinned",
    "`DataLoader` without `pin_memory`",
    Severity.INFO,
    fix=Edit(Span(31, 1, 31, 2), "x", safe=True),
)
NO_WORKERS = finding(
    "train/data.py",
    31,
    "PFL201",
    "dataloader-no-workers",
    "`num_workers=0` loads data in the training process",
    Severity.INFO,
)
UNSURE = trained(
    "gpt2_small",
    Verdict.UNSURE,
    -0.029,
    0.0395,
    base_ms=357.0,
    items=32768,
    unit="tokens",
    gib=(40.1, 40.1),
)
UNSURE = replace(
    UNSURE,
    comparison=replace(
        UNSURE.comparison,  # type: ignore[type-var]
        detectable=0.068,
        warnings=(
            "the GPU throttled in 5 of 24 segments (thermal, 83 to 86 degrees Celsius)",
            "fresh processes did not confirm it: −6.8%, then +0.4%",
        ),
    ),
)
OUT_OF_MEMORY = TestResult(
    PILLARS.test,
    Verdict.FAILED,
    "it passes on base and fails on head",
    head_failure=Failure(
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB",
        "perf/test_pointpillars.py:21: in step\n    model(frames).sum().backward()\n"
        "models/pointpillars.py:142: in forward\n    x = torch.cat(self.pillars, dim=0)\n"
        "E   torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB\n",
    ),
)


def made(*tests: TestResult, **more: object) -> Report:
    """A report of the machine with the GPU."""
    one = report(*tests, link=LINK, seconds=734.0, **more)  # type: ignore[arg-type]
    return replace(one, run=replace(one.run, environment=GPU if tests else None))


REPORTS = {
    "1-regression": made(SLOWER, FASTER, PILLARS, GPT2, findings=(WAITS, UNPINNED), found=38),
    "2-all-clear": made(RESNET, PILLARS, GPT2, found=38),
    "3-improved": made(FASTER, RESNET, GPT2, found=3),
    "4-inconclusive": made(UNSURE, RESNET, found=2),
    "5-head-failed": made(OUT_OF_MEMORY, RESNET, GPT2, found=3),
    "6-not-affected": made(
        selection=Selection(
            38,
            0,
            (
                FileReason("docs/training.md", "not code"),
                FileReason("tools/label_viewer/app.py", "no perf test"),
                FileReason("tests/test_viewer.py", "tests only"),
            ),
        )
    ),
    "7-lint-only": made(RESNET, findings=(WAITS, UNPINNED, NO_WORKERS), found=1),
}
LAST = LastVerdict(BASE.sha, "🔴", "test_resnet50_ddp runs 9.6% slower with this PR")
STATES = {name: render_comment(one, commands=True) for name, one in REPORTS.items()} | {
    "8-running": render_running(Running(HEAD, Outlook(3, 0, 135.0), "gpu, h200", LAST, LINK)),
    "9-fork-needs-approval": render_waiting(Waiting(HEAD, Outlook(4, 0, 180.0), LINK)),
}
