"""Shells really complete perflint's command line with the scripts that it prints."""

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from torch_perflint.__main__ import ROOM_OF, main
from torch_perflint.lints.completion import SHELLS, Command, Option, commands, script, values

needs = {
    shell: pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")
    for shell in SHELLS
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("scripts")

    def write(shell: str) -> Path:
        path = folder / shell
        if not path.exists():
            path.write_text(script(shell))
        return path

    return write


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a file whose name has a space, and a git branch."""
    (tmp_path / "my train.py").write_text("")
    for words in (["init", "-q", "-b", "trunk"], ["add", "."], ["commit", "-qm", "one"]):
        identity = ["-c", "user.name=A", "-c", "user.email=a@localhost"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True)
    return tmp_path


CASES = [
    (["ch"], {"check"}, {"ci", "rules"}),
    (["check", "--out"], {"--output-format", "--output-file"}, {"--fix"}),
    (["check", "--output-format", "j"], {"json", "jsonl", "junit"}, {"sarif"}),
    (["check", "--fail-on", "w"], {"warning"}, {"error"}),
    (["check", "--select", "PFL60"], {"PFL601"}, {"PFL101"}),
    (["check", "--select", "item-in"], {"item-in-hot-path"}, {"PFL101"}),
    (["check", "--diff-base", "tr"], {"trunk"}, set[str]()),
    (["check", "my"], {"my train.py"}, {"--fix"}),
    (["explain", "host-c"], {"host-copy"}, {"PFL104"}),
    (["completion", "ba"], {"bash"}, {"zsh"}),
    (["ci", "--ba"], {"--base"}, {"--select"}),
    (["lsp", "--h"], {"--help"}, {"--fix"}),
]


@needs["bash"]
@pytest.mark.parametrize(
    ("words", "offered", "other"), CASES, ids=lambda case: "-".join(sorted(case))
)
def test_bash_completes(
    words: list[str],
    offered: set[str],
    other: set[str],
    place: Path,
    written: Callable[[str], Path],
) -> None:
    ask = (
        'source "$1"; shift; COMP_WORDS=(perflint "$@"); COMP_CWORD=$#; '
        '_perflint; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", ask, "bash", written("bash"), *words],
        cwd=place,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert offered <= set(done.stdout.split("\n"))
    assert not other & set(done.stdout.split("\n"))


@needs["bash"]
def test_bash_goes_on_after_a_comma(place: Path, written: Callable[[str], Path]) -> None:
    ask = (
        f"source {written('bash')}; COMP_WORDS=(perflint check --select PFL101,PFL60); "
        'COMP_CWORD=3; _perflint; echo "${COMPREPLY[*]}"'
    )
    done = subprocess.run(["bash", "-c", ask], cwd=place, capture_output=True, text=True)
    assert "PFL101,PFL601" in done.stdout.split()


@needs["fish"]
@pytest.mark.parametrize(
    ("words", "offered", "other"), CASES, ids=lambda case: "-".join(sorted(case))
)
def test_fish_completes(
    words: list[str],
    offered: set[str],
    other: set[str],
    place: Path,
    written: Callable[[str], Path],
) -> None:
    line = "perflint " + " ".join(words)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source {written('fish')}; complete -C '{line}'"],
        cwd=place,
        capture_output=True,
        text=True,
    )
    said = {each.split("\t")[0].replace("\\ ", " ") for each in done.stdout.split("\n")}
    assert offered <= said, done
    assert not other & said


@needs["zsh"]
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("perflint chec", "perflint check "),
        ("perflint check --output-fi", "perflint check --output-file "),
        ("perflint check --fail-on warn", "perflint check --fail-on warning "),
        ("perflint check --select host-c", "perflint check --select host-copy"),
        ("perflint check my", "perflint check my\\ train.py "),
        ("perflint explain PFL60", "perflint explain PFL60"),
        ("perflint ci --bas", "perflint ci --base "),
    ],
)
def test_zsh_completes(
    line: str, completed: str, place: Path, written: Callable[[str], Path]
) -> None:
    # What stands on the line after TAB is what a widget of ours prints.
    setup = (
        "PS1=; autoload -U compinit; compinit -u -D; "
        f"source {written('zsh')}; "
        '_say() { print -r -- "<<$BUFFER>>"; BUFFER=; zle accept-line }; '
        "zle -N _say; bindkey '^X' _say; bindkey '^I' complete-word; unsetopt list_beep; "
        "print -r READ''Y\n"
    )
    person, terminal = pty.openpty()
    shell = subprocess.Popen(
        ["zsh", "-f", "-i"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        cwd=place,
        env={**os.environ, "TERM": "dumb", "COLUMNS": "300"},
        start_new_session=True,
    )
    try:
        os.write(person, setup.encode())
        _until(person, "READY")
        os.write(person, f"{line}\t\x18".encode())
        assert f"<<{completed}" in _until(person, ">>")
    finally:
        shell.kill()
        shell.wait()
        os.close(person)
        os.close(terminal)


def _until(person: int, words: str) -> str:
    said = ""
    deadline = time.monotonic() + 30
    while words not in said:
        ready, _, _ = select.select([person], [], [], deadline - time.monotonic())
        assert ready, said
        said += os.read(person, 4096).decode(errors="replace")
    return said


def test_every_command_is_completed() -> None:
    from torch_perflint.lints.completion import _help

    assert {command.name for command in commands(_help)} == set(ROOM_OF)


def test_options_are_read_from_help_pages() -> None:
    pages = {
        (): "read code\n  check     lint code\n\noptions\n  --version   print\n",
        ("check",): (
            "options:\n  -h, --help  show this\n  --select RULES\n"
            "                        only these\n"
            "  -j N, --jobs N        so many\n  --kind {a,b}  which\n"
        ),
    }
    assert list(commands(lambda *words: pages[words])) == [
        Command(
            "check",
            "lint code",
            (
                Option(("-h", "--help"), "", "show this"),
                Option(("--select",), "RULES", "only these"),
                Option(("-j", "--jobs"), "N", "so many"),
                Option(("--kind",), "{a,b}", "which"),
            ),
        )
    ]
    assert values("{a,b}") == ("a", "b")
    assert values("PATH") is None


def test_a_shell_that_we_do_not_know_is_an_error() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["completion", "tcsh"])
