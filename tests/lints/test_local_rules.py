"""Rules that a project or an installed package brings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.__main__ import main
from torch_perflint.lints import local_rules, rule_sources
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.local_rules import load_installed, load_local
from torch_perflint.lints.registry import all_rules, chosen_for, known_rules, rules_for
from torch_perflint.lints.rule_sources import local_files, stamp

RULE = '''\
from torch_perflint.lints.rule import Rule
from .helpers import NAME

class _Base(Rule):
    tokens = ("slow",)

class SlowCall(_Base):
    """A call of `slow`.

    ## Why it is slow
    It says so.

    ## Instead
    `fast`.

    ## When it is fine
    Never.
    """

    code = "ACME101"
    hot_only = False
    VALID = ("import torch\\nfast(slow)\\n",)
    INVALID = ("import torch\\nslow()  # <-\\n",)

    def visit_Call(self, node):
        if getattr(node.func, "value", None) == NAME:
            self.report(node, "slow")
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "perf_rules.py").write_text(RULE)
    (tmp_path / "tools" / "helpers.py").write_text('NAME = "slow"\n')
    (tmp_path / "pyproject.toml").write_text(
        '[tool.perflint.lints]\nlocal = ["tools.perf_rules"]\n'
    )
    return tmp_path


def _config(root: Path, *modules: str) -> LintConfig:
    return LintConfig(local=modules or ("tools.perf_rules",), root=root)


def test_a_module_of_the_project_adds_its_rules(project: Path) -> None:
    before = list(sys.path)
    known = known_rules(_config(project))
    assert known.problems == ()
    assert {rule.code for rule in known.rules} == {*(r.code for r in all_rules()), "ACME101"}
    assert sys.path == before
    assert "tools" not in sys.modules
    assert not list(project.rglob("__pycache__"))
    narrow = LintConfig(local=("tools.perf_rules",), select=("ACME",), root=project)
    assert [rule.code for rule in rules_for(narrow).rules] == ["ACME101"]


def test_the_projects_of_one_run_share_a_vocabulary_and_tell_problems_once(project: Path) -> None:
    plain = LintConfig(select=("PFL1",), root=project)
    both = chosen_for([_config(project), plain])
    assert "ACME101" in {rule.code for rule in both.rules[0]}
    assert "ACME101" not in {rule.code for rule in both.rules[1]}
    assert both.vocabulary.codes["slow-call"] == "ACME101"
    assert both.vocabulary.complete
    broken = _config(project, "tools.nothing")
    told = chosen_for([broken, broken, plain])
    assert len(told.problems) == 1
    assert not told.vocabulary.complete


def test_a_package_adds_the_rules_of_its_modules(project: Path) -> None:
    package = project / "rules"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text(RULE)
    (package / "helpers.py").write_text('NAME = "slow"\n')
    assert [rule.code for rule in load_local(project, ["rules"]).rules] == ["ACME101"]


def test_what_changed_is_read_anew(project: Path) -> None:
    first = known_rules(_config(project)).rules
    assert known_rules(_config(project)).rules is first
    file = project / "tools" / "perf_rules.py"
    file.write_text(RULE.replace("ACME101", "ACME1020"))
    assert "ACME1020" in {rule.code for rule in known_rules(_config(project)).rules}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\nraise ValueError('no')\n", "tools/perf_rules.py line 2: ValueError: no"),
        ("x = (\n", "tools/perf_rules.py line 1: SyntaxError"),
        ("import no_such_package\n", "tools/perf_rules.py line 1: ModuleNotFoundError"),
        ("from tools.helpers import NAME\n", "import neighbours with a dot"),
        ("import sys\nsys.exit(3)\n", "tools/perf_rules.py line 2: SystemExit: 3"),
        ("x = 1\n", "hold no rule"),
        (RULE.replace('code = "ACME101"', 'code = "101"'), "SlowCall needs a code"),
        (RULE.replace('code = "ACME101"', "").replace("hot", "x"), "not None"),
        (RULE.replace('("slow",)', '"slow"'), "needs `tokens`"),
        (RULE.replace("lints.rule import Rule", "lints.meta_rule import MetaRule as Rule"), "Meta"),
    ],
)
def test_what_fails_is_a_problem_with_its_place_and_costs_nothing_else(
    project: Path, text: str, said: str
) -> None:
    (project / "tools" / "perf_rules.py").write_text(text)
    (project / "more.py").write_text(RULE.replace("from .helpers import NAME", "NAME = 'slow'"))
    known = known_rules(_config(project, "tools.perf_rules", "more"))
    [problem] = known.problems
    assert said in problem
    assert len(known.rules) == len(all_rules()) + 1


def test_a_missing_module_is_named_with_where_it_was_looked_for(project: Path) -> None:
    [problem] = load_local(project, ["tools.perf_rulez"]).problems
    assert "neither tools/perf_rulez.py nor tools/perf_rulez/__init__.py" in problem


def test_words_may_be_of_rules_that_could_not_be_loaded(project: Path) -> None:
    (project / "tools" / "perf_rules.py").write_text("import no_such_package\n")
    config = LintConfig(local=("tools.perf_rules",), ignore=("slow-call",), root=project)
    assert len(rules_for(config).problems) == 1
    with pytest.raises(PerflintError, match="there is no rule"):
        rules_for(LintConfig(ignore=("slow-call",), root=project))


@pytest.mark.parametrize("change", [("ACME101", "PFL101"), ("SlowCall", "HostCopy")])
def test_a_code_or_name_that_is_taken_names_both(project: Path, change: tuple[str, str]) -> None:
    (project / "tools" / "perf_rules.py").write_text(RULE.replace(*change))
    with pytest.raises(PerflintError, match="taken twice") as error:
        known_rules(_config(project))
    assert "perf_rules." in str(error.value)
    assert "item_in_hot_path." in str(error.value) or "host_copy." in str(error.value)


def test_an_installed_package_adds_rules_by_its_entry_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "acme_rules-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rules\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[perflint.rules]\nacme = acme_rules_x\n")
    (tmp_path / "acme_rules_x.py").write_text(
        RULE.replace("from .helpers import NAME", "NAME = 'slow'")
    )
    rule_sources.anyone_offers_rules.cache_clear()
    assert load_installed().rules == ()
    monkeypatch.syspath_prepend(tmp_path)
    rule_sources.anyone_offers_rules.cache_clear()
    try:
        assert [rule.code for rule in load_installed().rules] == ["ACME101"]
        (tmp_path / "acme_rules_x.py").write_text("raise ValueError('no')\n")
        sys.modules.pop("acme_rules_x")
        [problem] = load_installed().problems
        assert "acme_rules_x of an installed package" in problem
        assert "acme_rules_x.py line 1: ValueError: no" in problem
    finally:
        sys.modules.pop("acme_rules_x", None)
        rule_sources.anyone_offers_rules.cache_clear()


def test_who_has_no_such_package_does_not_pay_for_asking() -> None:
    code = (
        "import sys\nfrom torch_perflint.lints.local_rules import load_installed\n"
        "load_installed()\nprint('importlib.metadata' in sys.modules)"
    )
    env = {**os.environ}
    assert subprocess.check_output([sys.executable, "-c", code], text=True, env=env) == "False\n"


def test_the_stamp_changes_with_the_rules_and_their_neighbours(project: Path) -> None:
    modules = ("tools.perf_rules",)
    files = [file.name for file in local_files(project, modules)]
    assert files == ["helpers.py", "perf_rules.py"]
    first = stamp(project, modules)
    assert stamp(project, modules) == first
    (project / "tools" / "helpers.py").write_text('NAME = "slower"\n')
    assert stamp(project, modules) != first


def test_promises_are_tested_from_the_command_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["--test"], ["--test", "tools.perf_rules"]):
        assert main(["rules", *words]) == 0
        assert capsys.readouterr().out == "1 rule kept every promise\n"
    (project / "other.py").write_text(
        RULE.replace("from .helpers import NAME", "NAME = 'slow'")
        .replace("ACME101", "ACME102")
        .replace("SlowCall", "OtherCall")
        .replace("fast(slow)", "slow()")
    )
    assert main(["rules", "--test", "other"]) == 1
    assert capsys.readouterr().out == (
        "other-call: VALID 1: line 2 is flagged\n1 of 1 rule broke a promise\n"
    )
    (project / "other.py").write_text("raise ValueError('no')\n")
    assert main(["rules", "--test", "other"]) == 2
    assert "other.py line 1: ValueError: no" in capsys.readouterr().err


def test_who_has_no_rules_of_their_own_is_told_how_to_name_them(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "pyproject.toml").write_text("[tool.perflint.lints]\n")
    assert main(["rules", "--test"]) == 2
    assert "name a module" in capsys.readouterr().err


def test_own_rules_are_listed_and_explained(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rules"]) == 0
    assert "ACME101  slow-call" in capsys.readouterr().out
    assert main(["explain", "slow-call"]) == 0
    assert "# slow-call (ACME101)" in capsys.readouterr().out
    (project / "tools" / "perf_rules.py").write_text("x = (\n")
    assert main(["rules"]) == 2
    shown = capsys.readouterr()
    assert "PFL101" in shown.out
    assert "tools/perf_rules.py line 1" in shown.err
    assert main(["explain", "PFL101"]) == 0


def test_a_mistake_is_placed_where_it_arose() -> None:
    with pytest.raises(ValueError) as caught:
        int("x")
    assert "test_local_rules.py line" in local_rules.place_of(caught.value)
