"""The comment that an editor writes to silence a finding."""

from pathlib import Path

import pytest
from torch_perflint.lints.check import check_text
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.editor.silence import silencing
from torch_perflint.lints.engine import apply_fixes
from torch_perflint.lints.finding import Finding

LOOP = """\
import torch
for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    """


def _found(text: str) -> list[Finding]:
    return list(check_text(Path.cwd(), "a.py", text, LintConfig()).findings)


@pytest.mark.parametrize(
    "statement",
    [
        "seen = loss.item()\n",
        "seen = loss.item()",
        "seen = loss.item()  # why not\n",
        "seen = loss.item()  # perflint: ignore[PFL601] because\n",
        "show(\n        loss.item(),\n        2,\n    )\n",
        's = f"""\n{loss.item()}\n"""\n',
        "seen = \\\n        loss.item()\n",
        "# perflint: ignore[PFL601]\n    seen = loss.item()\n",
        "while loss.item() > 0:\n        pass\n",
        "seen = loss.item()  \r\n",
    ],
)
def test_a_silenced_finding_is_gone_and_the_code_is_the_same(statement: str) -> None:
    text = LOOP + statement
    before = _found(text)
    [finding] = [finding for finding in before if finding.code == "PFL101"]
    edit = silencing(finding, text)
    assert edit is not None
    moved = Finding("a.py", edit.span, "PFL101", "item-in-hot-path", "", fix=edit)
    after = apply_fixes(text, [moved])
    assert [f.code for f in _found(after)] == [f.code for f in before if f.code != "PFL101"]
    assert after.replace(edit.text, "", 1).split() == text.split()


def test_there_is_no_comment_for_what_is_no_python() -> None:
    [finding] = _found(LOOP + "seen = loss.item()\n")
    assert silencing(finding, f'"""{LOOP}seen = loss.item()\n') is None
