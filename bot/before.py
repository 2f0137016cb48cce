"""What is known of a change before anything is measured: head's settings, and what lint finds."""

from pathlib import Path

from .. import PerflintError
from ..lints.changed import changed_lines
from ..lints.check import CheckResult
from ..lints.config import load_config as load_lint_config
from ..lints.confirm import Seen, confirmed
from ..lints.keys import table_values
from ..lints.known import check_held
from ..lints.registry import costly
from ..runners.config import RunnersConfig, mistakes_of, read_document
from ..runners.config import load_config as load_runners_config
from ..runners.sides.checkout import Checkout
from .report import LintResult


def settings_of_runs(head: Path) -> RunnersConfig:
    """Read head's settings of runs; PerflintError names the mistakes in those of lint as well.

    The configuration of head decides: a change may well adapt it together with the code.
    """
    document = read_document(head, "head")
    if of_lint := table_values(document)[1]:
        wrong = dict.fromkeys([*of_lint, *mistakes_of(document)])
        raise PerflintError("\n  ".join(f"pyproject.toml (head): {mistake}" for mistake in wrong))
    return load_runners_config(head, "head")


def lint_change(checkout: Checkout, *, everything: bool, seen: Seen | None = None) -> LintResult:
    """Lint head; keep what lies on lines that the change added or edited, or all of it.

    `seen` is what a run has seen of the places, for the findings to say so.
    """
    head = checkout.head_root
    changed = changed_lines(checkout.repository, checkout.base.sha, checkout.head.sha)
    python = [head / path for path in changed.paths() if path.endswith((".py", ".pyi"))]
    paths = [head] if everything else [path for path in python if path.is_file()]
    only = None if everything else changed
    # Read also where nothing is to be linted: a mistake in it is worth knowing at once.
    config = load_lint_config(head, top=head)
    result = check_held(head, paths, config, only).result if paths else CheckResult()
    findings = confirmed(result.findings, seen, costly(config)) if seen else result.findings
    return LintResult(findings, result.problems, result.files, everything)
