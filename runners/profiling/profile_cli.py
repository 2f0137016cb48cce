"""The command that says where a step's time goes: `perflint profile`."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ... import PerflintError

if TYPE_CHECKING:
    from .captured import Captured, Plan

_EPILOG = """\
examples
  perflint profile perf_tests/test_gpt.py::test_train
  perflint profile perf_tests/test_gpt.py -k train --steps 30
  perflint profile -- python train.py --batch-size 32
  perflint profile --to-end -- torchrun --nproc-per-node 2 train.py

Of a script, a step reaches from the end of one step of its optimizer to that of the next; it is
stopped once there are enough of them.

Some steps run without a profiler, for the clock, then as many with it. Written are profile.html
(one file, which works offline), profile.json, and trace.json.gz, the profiler's own trace, which
https://ui.perfetto.dev opens. docs/profiles.md says what each number means.

exit status
  0  profiled
  1  the perf test failed
  2  perflint could not do its work: no such perf test, too few steps, no folder to write to
  any other status is the script's own
"""

PAGE = "profile.html"


def run(words: list[str]) -> int:
    """Run `perflint profile` and return its exit status."""
    from .captured import STEPS, WARM_UP

    parser = argparse.ArgumentParser(
        prog="perflint profile",
        usage="perflint profile [OPTIONS] PERF_TEST | perflint profile [OPTIONS] -- COMMAND ...",
        description="Say where a step's time goes: what it consists of, its lines, its operators.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("test", metavar="PERF_TEST", nargs="?", help="a perf test, as pytest names it, or its file")
    add("-k", default="", metavar="EXPR", help="of a file, the perf test that matches, as pytest's")
    add("--steps", type=int, default=STEPS, help=f"steps of each kind (default: {STEPS})")
    skipped = f"steps before anything is timed (default: {WARM_UP})"
    add("--skip", type=int, default=WARM_UP, help=skipped)
    add("--to-end", action="store_true", help="let a script run to its end")
    add("--out", type=Path, metavar="DIR", help="where to write (default: .perflint/profile)")
    here = words.index("--") if "--" in words else len(words)
    (options, rest), command = parser.parse_known_args(words[:here]), words[here + 1 :]
    test = options.test or ".py"
    is_command = bool(rest) and not test.endswith(".py") and "::" not in test
    if is_command and not rest[0].startswith("-") and not command:
        typed = " ".join((test, *rest))
        parser.error(f"write a command behind `--`: perflint profile -- {typed}")
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if bool(command) == bool(options.test):
        parser.error("say one perf test, or a command behind `--`")
    if options.steps < 1 or options.skip < 1:
        raise PerflintError("--steps and --skip have to be 1 or more")
    return _profile(options, command)


def _profile(options: argparse.Namespace, command: list[str]) -> int:
    from ..config import load_config
    from ..text.layout import harmless
    from ..text.screen import width
    from .captured import RESULT, TRACE, Plan, from_json
    from .page import as_page
    from .profile_text import as_text

    root = _root(command)
    out = _folder(options.out, root)
    what = " ".join(command) or (f"{options.test} -k {options.k}" if options.k else options.test)
    with _new_folder(out) as name:
        # What stands there from before is replaced by a whole profile, or not at all.
        new = Path(name)
        plan = Plan(what, root, new, options.steps, options.skip, options.to_end)
        if command:
            status = _run_script(plan, command)
        else:
            status = _run_test(plan, options.test, options.k, load_config(root).threads)
        result = new / RESULT
        if not result.exists():
            return status
        captured = from_json(result.read_text(encoding="utf-8"), str(result))
        # JSON in the page reads what a file's name has besides Unicode as it is escaped here.
        page = as_page(captured).encode(errors="backslashreplace")
        (new / PAGE).write_bytes(page)
        for file in (PAGE, RESULT, TRACE):
            (out / file).unlink(missing_ok=True)
            if (new / file).exists():
                (new / file).rename(out / file)
    print(harmless(as_text(captured, width())))
    print(f"\nwritten: {_shown(out / PAGE)}, {RESULT}{_and_trace(captured)}")
    return status


def _root(command: list[str]) -> Path:
    """The folder whose lines are told: the repository; for a script without one, this folder."""
    from ..sides.git import repository

    try:
        return repository(Path.cwd())
    except PerflintError:
        if command:
            return Path.cwd()
        raise


def _run_script(plan: "Plan", command: list[str]) -> int:
    from ..inside.launch import run_inside
    from .captured import PLAN, RESULT

    os.environ[PLAN] = plan.to_json()
    done = run_inside(command, "runners.profiling.torch_script", example="perflint profile")
    if not done.told:
        if done.status:
            return done.status
        wanted = plan.skip + plan.steps + 2
        raise PerflintError(
            f"nothing was profiled: a script needs {wanted} steps of a torch.optim optimizer for "
            "this (--steps and --skip take fewer). Python's -I and -E keep perflint out, and so "
            "does `os._exit`"
        )
    (plan.out / RESULT).write_text(done.told[0], encoding="utf-8")
    return done.status


def _run_test(plan: "Plan", test: str, keyword: str, threads: int) -> int:
    from ..options import orderly_end
    from ..processes.isolate import STEADY_MALLOC
    from .captured import PLAN

    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider"]
    command += ["-p", "torch_perflint.runners.processes.pytest_profile", "-m", "perf"]
    command += ["-k", keyword] if keyword else []
    count = str(threads)
    env = {
        **STEADY_MALLOC,
        **os.environ,
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        PLAN: plan.to_json(),
    }
    # What pytest says is for people to read where it fails.
    with orderly_end():
        done = subprocess.run(
            [*command, test], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    if done.returncode == 0:
        return 0
    print(done.stdout, file=sys.stderr)
    if done.returncode == 1:
        return 1
    hint = ""
    if test.endswith(".py"):
        hint = f"; to profile a script: perflint profile -- python {test}"
    if done.returncode == 5:
        raise PerflintError(f"no test marked @pytest.mark.perf fits {plan.what!r}{hint}")
    raise PerflintError(f"pytest could not run {plan.what!r}, see above{hint}")


def _folder(wanted: Path | None, root: Path) -> Path:
    out = (wanted or root / ".perflint" / "profile").resolve()
    try:
        out.mkdir(parents=True, exist_ok=True)
        if wanted is None:
            (out.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise PerflintError(f"cannot write into the folder {out}: {error.strerror}") from error
    return out


def _new_folder(out: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(dir=out, prefix="new-")
    except OSError as error:
        raise PerflintError(f"cannot write into the folder {out}: {error.strerror}") from error


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _and_trace(captured: "Captured") -> str:
    return f", {captured.trace}" if captured.trace else ""
