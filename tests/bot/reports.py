"""Sample reports: one for each thing that a comment can say."""

from dataclasses import replace

from torch_perflint.bot.gate import FailOn, decide
from torch_perflint.bot.report import LintResult, Report, Revision, RunLink
from torch_perflint.lints.finding import Confidence, Edit, Finding, Severity, Span
from torch_perflint.runners.counters.compiling import Compiling
from torch_perflint.runners.counters.utilization import Achieved, Utilization
from torch_perflint.runners.profiling.profile import (
    LineChange,
    ModuleChange,
    OperatorChange,
    PartChange,
    ProfileChange,
)
from torch_perflint.runners.result import (
    CounterChange,
    DependencyChange,
    Failure,
    FileReason,
    PeakMemory,
    RunResult,
    Selection,
    TestResult,
)
from torch_perflint.runners.sample import Environment, PerfTest, SyncSite
from torch_perflint.runners.verdict.compare import Comparison, Verdict

BASE = Revision("9e0d7710aa1b2c3d4e5f60718293a4b5c6d7e8f9", "main")
HEAD = Revision("4f1c2ab9d3e07c1b2a4f5968778695a4b3c2d1e0", "HEAD")
LINK = RunLink("https://github.com", "acme/minitrain", 812, 1, 7)
MACHINE = Environment(
    python="3.11.9",
    torch="2.13.0+cpu",
    platform="Linux-6.1-x86_64",
    cpu="AMD EPYC 9654",
    cores=2,
    threads=1,
    device="cpu",
)
MIB = 1 << 20


def compared(
    verdict: Verdict, change: float, half: float = 0.008, *, base_ms: float = 9.0, **more: object
) -> Comparison:
    """A comparison whose interval is `change` plus and minus `half`."""
    at = Comparison(
        verdict,
        change,
        change - half,
        change + half,
        base_seconds=base_ms / 1000,
        head_seconds=base_ms / 1000 / (1 + change),
        detectable=0.024,
        pairs=96,
        segments=6,
        launches=1 if verdict is Verdict.SAME else 2,
    )
    return replace(at, **more)  # type: ignore[arg-type]


def perf_test(name: str, items: float = 64, unit: str = "images") -> PerfTest:
    file = f"perf_tests/{name.removesuffix('_train')}.py"
    return PerfTest(f"{file}::{name}", file, 12, items, unit)


def timed(
    name: str, verdict: Verdict, change: float, half: float = 0.008, **more: object
) -> TestResult:
    """A test that was timed on both sides."""
    result = TestResult(
        perf_test(name),
        verdict,
        comparison=compared(verdict, change, half),
        counters=(CounterChange("host_syncs", 0, 0), CounterChange("operators", 187, 187)),
        peak=PeakMemory("cpu", 61 * MIB, 61 * MIB),
    )
    return replace(result, **more)  # type: ignore[arg-type]


def finding(
    path: str = "minitrain/steps.py",
    line: int = 14,
    code: str = "PFL101",
    rule: str = "item-in-hot-path",
    message: str = "`.item()` in a training step waits for the device",
    severity: Severity = Severity.WARNING,
    **more: object,
) -> Finding:
    span = Span(line, 11, line, 22)
    at = Finding(path, span, code, rule, message, severity, Confidence.PROVEN)
    return replace(at, **more)  # type: ignore[arg-type]


RUN_FIELDS = (
    *("notes", "refused", "selection", "dependencies", "interrupted", "unmeasured", "budgets"),
)


def report(
    *tests: TestResult,
    findings: tuple[Finding, ...] = (),
    found: int | None = None,
    link: RunLink | None = LINK,
    fail_on: FailOn = FailOn(),  # noqa: B008
    **more: object,
) -> Report:
    """A whole report whose status is what the gate says of it."""
    selection = Selection(len(tests) if found is None else found, len(tests))
    run = RunResult(selection, tests, MACHINE if tests else None, seed=0)
    lint = LintResult(findings, files=3)
    lint = replace(lint, **{k: more.pop(k) for k in ("problems", "everything") if k in more})  # type: ignore[arg-type]
    run = replace(run, **{k: more.pop(k) for k in RUN_FIELDS if k in more})  # type: ignore[arg-type]
    decision = decide(lint, run, fail_on)
    made = Report(
        "0.1.0",
        BASE,
        HEAD,
        created="2026-11-23T20:14:05+00:00",
        seconds=41.3,
        lint=lint,
        run=run,
        status=decision.status,
        status_reasons=decision.reasons,
        link=link,
    )
    return replace(made, **more)  # type: ignore[arg-type]


GPT = TestResult(
    replace(perf_test("test_gpt_train", 256, "tokens"), path="perf_tests/test_gpt.py"),
    Verdict.SLOWER,
    comparison=compared(Verdict.SLOWER, -0.263, base_ms=7.71),
    counters=(CounterChange("host_syncs", 0, 0), CounterChange("operators", 470, 602)),
    peak=PeakMemory("cpu", 58 * MIB, 64 * MIB),
    profile=ProfileChange(
        operators=(
            OperatorChange("aten::mm", 2.41, 4.38, 30, 54),
            OperatorChange("aten::addmm", 1.12, 1.71, 16, 24),
            OperatorChange("aten::add_", 0.21, 0.34, 34, 58),
        ),
        lines=(
            LineChange(
                "minitrain/gpt.py",
                41,
                "projected = self.qkv(x).chunk(3, dim=-1)[part]",
                1.3,
                4.12,
                True,
            ),
            LineChange(
                "minitrain/gpt.py", 30, "loss = F.cross_entropy(logits, targets)", 0.81, 0.93, False
            ),
        ),
        parts=(
            PartChange("compute", 5.62, 8.24, 0.21),
            PartChange("communication", 0.0, 0.0, 0.0),
            PartChange("copies", 0.18, 0.19, 0.03),
            PartChange("Python and launching", 0.94, 1.05, 0.08),
            PartChange("optimizer", 0.93, 0.95, 0.04),
            PartChange("unexplained", 0.04, 0.03, 0.01),
        ),
        modules=(
            ModuleChange("GPT.blocks.*.attention", "Attention", 2.93, 5.49, 4.1, 6.7, 4, 0.2),
            ModuleChange("GPT.head", "Linear", 0.71, 0.92, 0.71, 0.92, 1, 0.1),
            ModuleChange("", "", 2.05, 2.04),
        ),
    ),
)
CONV = timed(
    "test_convnet_train",
    Verdict.SAME,
    -0.001,
    0.007,
    counters=(
        CounterChange(
            "host_syncs",
            0,
            1,
            True,
            (SyncSite("minitrain/steps.py", 14, "aten::_local_scalar_dense", 1),),
        ),
        CounterChange("operators", 214, 214),
    ),
)
LOADER = timed("test_loader_train", Verdict.SAME, 0.003)
FAILURE = Failure(
    "RuntimeError: mat1 and mat2 shapes cannot be multiplied (256x64 and 128x64)",
    "perf_tests/test_gpt.py:24: in step\n    model(tokens, targets).backward()\n"
    "minitrain/gpt.py:41: in forward\n    projected = self.qkv(x)\n"
    "E   RuntimeError: mat1 and mat2 shapes cannot be multiplied (256x64 and 128x64)\n",
)


def failed(name: str, *, hangs: bool = False) -> TestResult:
    failure = Failure("no sign of life for 300 s", "", True) if hangs else FAILURE
    reason = "it passes on base and fails on head"
    return TestResult(perf_test(name), Verdict.FAILED, reason, head_failure=failure)


BROKEN = TestResult(
    perf_test("test_diffusion_train"),
    Verdict.BROKEN,
    "it fails on base and on head",
    base_failure=Failure("ModuleNotFoundError: No module named 'einops'", "…"),
    head_failure=Failure("ModuleNotFoundError: No module named 'einops'", "…"),
)
NEW = TestResult(
    perf_test("test_vit_train"),
    Verdict.NEW,
    "it runs on head only; on base: ImportError: cannot import name 'ViT'",
)
IDENTICAL = TestResult(
    perf_test("test_text_train"),
    Verdict.SAME,
    "nothing that this test runs has changed, so it was not timed",
)
SKIPPED = TestResult(
    perf_test("test_cuda_train"), Verdict.SKIPPED, "pytest skipped it: needs a CUDA device"
)
UNSURE = replace(
    timed("test_gpt_train", Verdict.UNSURE, -0.029, 0.04),
    comparison=compared(
        Verdict.UNSURE,
        -0.029,
        0.04,
        detectable=0.071,
        warnings=("fresh processes did not confirm it: -4.1%, then -0.6%",),
    ),
)
FASTER = replace(
    GPT,
    verdict=Verdict.FASTER,
    comparison=compared(Verdict.FASTER, 0.183, base_ms=9.4),
    counters=(CounterChange("operators", 602, 470),),
    peak=PeakMemory("cpu", 64 * MIB, 58 * MIB),
    profile=ProfileChange((OperatorChange("aten::mm", 4.38, 2.41, 54, 30),), ()),
    # A step of 9.4 and 7.946 ms.
    utilization=Utilization(
        Achieved(1.2e12, 0.381, {"float32": 11_280_000_000}),
        Achieved(1.4196e12, 0.451, {"float32": 11_280_000_000}),
        0.183,
        0.175,
        0.191,
        peaks={"float32": 3.15e12},
    ),
    compiling=Compiling(11.9, 12.34, 3.0, 3.06),
)
THREE_FINDINGS = (
    finding(),
    finding(
        "minitrain/data.py",
        31,
        "PFL202",
        "dataloader-unpinned",
        "`DataLoader` without `pin_memory`",
        Severity.INFO,
        fix=Edit(Span(31, 1, 31, 2), "x", safe=True),
    ),
    finding(
        "minitrain/data.py",
        31,
        "PFL201",
        "dataloader-no-workers",
        "`num_workers=0` loads data in the training process",
        Severity.INFO,
    ),
)

# The names are those of the golden files.
REPORTS = {
    "slower": report(GPT, CONV, LOADER, findings=(finding(),), found=9),
    "counter": report(CONV, LOADER, findings=(finding(),)),
    "clear": report(LOADER, timed("test_gpt_train", Verdict.SAME, -0.002), found=38),
    "faster": report(FASTER, LOADER),
    "unsure": report(UNSURE, LOADER),
    "failed": report(failed("test_gpt_train"), LOADER),
    "hangs": report(failed("test_gpt_train", hangs=True), failed("test_b_train")),
    "not-affected": report(
        found=38,
        selection=Selection(
            38,
            0,
            (
                FileReason("docs/training.md", "not code"),
                FileReason("tools/label_viewer/app.py", "no perf test"),
            ),
        ),
    ),
    "no-perf-tests": report(findings=()),
    "findings": report(LOADER, findings=THREE_FINDINGS),
    "new": report(NEW, LOADER),
    "all-new": report(NEW),
    "broken": report(BROKEN, LOADER),
    "slower-and-broken": report(BROKEN, GPT, findings=()),
    "refused": report(
        findings=(finding(),),
        found=3,
        refused="base imports `minitrain/gpt.py` from head's folder",
    ),
    "identical": report(IDENTICAL, SKIPPED, LOADER),
    "problems": report(LOADER, problems=("minitrain/new.py: invalid syntax, line 3",)),
    "dependencies": report(
        GPT,
        LOADER,
        notes=("dependency change included: numpy 1.26.4 → 2.1.0, rich 13.9.4 added",),
        dependencies=(
            DependencyChange("numpy", "1.26.4", "2.1.0"),
            DependencyChange("rich", None, "13.9.4"),
        ),
    ),
    "stopped": report(
        replace(
            timed("test_net_eval", Verdict.UNSURE, -0.099, 0.05),
            comparison=compared(Verdict.UNSURE, -0.099, 0.05, launches=1, segments=1, pairs=16),
        ),
        selection=Selection(2, 2),
        notes=("stopped by the user: what was not measured by then is missing",),
        interrupted=True,
        unmeasured=("perf_tests/test_train.py::test_net_train",),
    ),
    "stopped-early": report(
        selection=Selection(2, 2),
        notes=("stopped by the user: what was not measured by then is missing",),
        interrupted=True,
        unmeasured=("perf_tests/test_eval.py::test_net_eval", "perf_tests/test_train.py"),
    ),
    "slower-and-stopped": report(
        GPT, interrupted=True, unmeasured=("perf_tests/test_train.py::test_net_train",)
    ),
    "bytes": report(
        timed(
            "test_net_train",
            Verdict.SAME,
            0.006,
            0.035,
            counters=(
                CounterChange("allocated_bytes", 7_367_184, 8_940_060),
                CounterChange("flops", 613_416_960, 868_220_928),
                CounterChange("host_syncs", 0, 1, True),
                CounterChange("peak_bytes", 3_034_152, 3_034_164, True),
                CounterChange("saved_for_backward_bytes", 26_346_360, 26_346_424),
            ),
        ),
        budgets={"host_syncs": 0, "peak_bytes": 0},
    ),
    "local": report(
        GPT,
        CONV,
        LOADER,
        findings=(finding(),),
        link=None,
        head=replace(HEAD, snapshot=True),
        notes=("this change edits perf_tests/test_gpt.py: head's version was run on both sides",),
    ),
}
