"""Writes the scripts by which shells complete perflint's command line."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .finding import Confidence, Severity
from .options import OUTPUT_FORMATS
from .registry import all_rules

_COMMAND = re.compile(r"^  ([a-z][a-z-]*)  +(.+)$", re.MULTILINE)
_OPTION = re.compile(r"^  (-\S.*?)(?:  +(\S.*))?\n(?:\s{8,}(\S.*)\n)?", re.MULTILINE)
_SPELLING = re.compile(r"(--?[\w-]+)(?:[ =](\{[^}]*\}|[A-Z_]+))?")
_FILES = {"PATH", "NAME", "FILE", "REPORT", "DIR", "FOLDER"}


@dataclass(frozen=True, slots=True)
class Option:
    """An option as its help shows it: its spellings, what it takes (or ""), and what it does."""

    spellings: tuple[str, ...]
    takes: str
    does: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command, what it does, and its options."""

    name: str
    does: str
    options: tuple[Option, ...]


def script(shell: str) -> str:
    """Write the script of a shell."""
    return SHELLS[shell](tuple(commands(_help)))


def commands(help_of: Callable[..., str]) -> Iterator[Command]:
    """Read from the help pages which commands there are, and which options they have.

    Commands of all rooms look alike there, and none of them has to be imported.
    """
    for name, does in _COMMAND.findall(help_of()):
        yield Command(name, does, tuple(_options(help_of(name))))


def values(takes: str) -> tuple[str, ...] | None:
    """Return what can stand where help shows this word; None for files."""
    if takes.startswith("{"):
        return tuple(takes[1:-1].split(","))
    if takes in ("RULES", "RULE"):
        return tuple(word for rule in all_rules() for word in (rule.code, rule.name()))
    known = {
        "SEVERITY": (*(each.value for each in Severity), "never"),
        "CONFIDENCE": tuple(each.value for each in Confidence),
        "FORMAT": OUTPUT_FORMATS,
        "SHELL": tuple(SHELLS),
    }
    if takes in known:
        return known[takes]
    return None if takes in _FILES else ()


def _options(page: str) -> Iterator[Option]:
    for shown, beside, below in _OPTION.findall(page):
        spelt = _SPELLING.findall(shown)
        takes = next((word for _, word in spelt if word), "")
        yield Option(tuple(name for name, _ in spelt), takes, beside or below)


def _help(*command: str) -> str:
    # As wide as it takes: a broken line would hide an option.
    wide = {**os.environ, "COLUMNS": "400", "NO_COLOR": "1", "PYTHON_COLORS": "0"}
    package = (__package__ or "").rsplit(".", 1)[0]
    words = [sys.executable, "-m", package, *command, "--help"]
    return subprocess.run(words, env=wide, check=True, capture_output=True, text=True).stdout


def _bash(known: tuple[Command, ...]) -> str:
    names = " ".join(command.name for command in known)
    cases = "\n".join(_bash_command(command) for command in known)
    return f"""\
# Completion of perflint for bash.
_perflint() {{
    local cur prev command word
    cur="${{COMP_WORDS[COMP_CWORD]}}" prev="${{COMP_WORDS[COMP_CWORD-1]}}" command=check
    for word in {names}; do
        [[ $COMP_CWORD -gt 1 && ${{COMP_WORDS[1]}} == "$word" ]] && command=$word
    done
    COMPREPLY=()
    local start="" flags=""
    # Rules are named by commas: only the last of them is being written.
    if [[ $cur == *,* ]]; then start="${{cur%,*}},"; fi
    case "$command" in
{cases}
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$flags" -- "$cur"))
        return
    fi
    if [[ $COMP_CWORD -eq 1 ]]; then COMPREPLY=($(compgen -W "{names}" -- "$cur")); fi
    compopt -o filenames 2>/dev/null
    local IFS=$'\\n'
    COMPREPLY+=($(compgen -f -- "$cur"))
}}
complete -F _perflint perflint torch-perflint
"""


def _bash_command(command: Command) -> str:
    cases = []
    for option in command.options:
        if not option.takes:
            continue
        pattern = "|".join(option.spellings)
        cases.append(f"            {pattern}) {_bash_values(option.takes)} ;;")
    if words := _argument(command):
        test = f"$COMP_CWORD -eq 2 && $cur != -* ]]; then {_bash_words(words)}"
        cases.append(f"            {command.name}) if [[ {test}; fi ;;")
    flags = " ".join(spelling for option in command.options for spelling in option.spellings)
    inner = "\n".join(cases)
    return (
        f'        {command.name})\n            flags="{flags}"\n'
        f'            case "$prev" in\n{inner}\n            esac ;;'
    )


def _bash_values(takes: str) -> str:
    words = values(takes)
    if words is None:
        return (
            "compopt -o filenames 2>/dev/null; local IFS=$'\\n'; "
            'COMPREPLY=($(compgen -f -- "$cur")); return'
        )
    if takes == "REV":
        return f'COMPREPLY=($(compgen -W "$({_REFS} 2>/dev/null)" -- "$cur")); return'
    return _bash_words(words) if words else "return"


def _bash_words(words: tuple[str, ...]) -> str:
    return f'COMPREPLY=($(compgen -P "$start" -W "{" ".join(words)}" -- "${{cur##*,}}")); return'


def _zsh(known: tuple[Command, ...]) -> str:
    names = "\n".join(f"        {_quoted(f'{c.name}:{c.does}')}" for c in known)
    cases = "\n".join(_zsh_command(command) for command in known)
    return f"""\
#compdef perflint torch-perflint
# Completion of perflint for zsh.
_perflint() {{
    local -a commands
    commands=(
{names}
    )
    if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
        _describe command commands
        _files
        return
    fi
    local command=check
    if (( ${{commands[(I)${{words[2]}}:*]}} )); then
        command=$words[2]
        shift words
        (( CURRENT-- ))
    fi
    case $command in
{cases}
    esac
}}
if [[ $funcstack[1] == _perflint ]]; then
    _perflint "$@"
else
    compdef _perflint perflint torch-perflint
fi
"""


def _zsh_command(command: Command) -> str:
    lines = [f"        {command.name}) _arguments \\"]
    for option in command.options:
        does = re.sub(r"[\[\]:]", " ", option.does)
        value = _zsh_value(option.takes) if option.takes else ""
        lines += [
            f"            {_quoted(f'*{spelling}[{does}]{value}')} \\"
            for spelling in option.spellings
        ]
    words = _argument(command)
    rest = f"1:word:({' '.join(words)})" if words else "*:path:_files"
    return "\n".join([*lines, f"            {_quoted(rest)} ;;"])


def _zsh_value(takes: str) -> str:
    words = values(takes)
    if words is None:
        return ":path:_files"
    if takes == "REV":
        return f":revision:($({_REFS} 2>/dev/null))"
    if takes == "RULES":
        return f":rules:_values -s , rule {' '.join(words)}"
    return f":{takes.strip('{}').lower()[:12]}:({' '.join(words)})"


def _fish(known: tuple[Command, ...]) -> str:
    names = " ".join(command.name for command in known)
    lines = [
        "# Completion of perflint for fish.",
        f"set -l commands {names}",
        "for tool in perflint torch-perflint",
    ]
    for command in known:
        at_start = '-n "not __fish_seen_subcommand_from $commands"'
        lines.append(
            f"    complete -c $tool {at_start} -a {command.name} -d {_quoted(command.does)}"
        )
        seen = f"__fish_seen_subcommand_from {command.name}"
        if command.name == "check":  # which is also what no command means
            seen += "; or not __fish_seen_subcommand_from $commands"
        lines += [
            f"    complete -c $tool -n {_quoted(seen)} {_fish_option(option)}"
            for option in command.options
        ]
        if words := _argument(command):
            only = _quoted(" ".join(words))
            lines.append(f"    complete -c $tool -n {_quoted(seen)} -f -a {only}")
    return "\n".join([*lines, "end", ""])


def _fish_option(option: Option) -> str:
    said = [
        f"-l {spelling[2:]}" if spelling.startswith("--") else f"-s {spelling[1:]}"
        for spelling in option.spellings
    ]
    if option.takes:
        words = values(option.takes)
        if words is None:
            said.append("-r -F")
        elif option.takes == "REV":
            said.append(f"-x -a {_quoted(f'({_REFS} 2>/dev/null)')}")
        elif option.takes == "RULES":
            listed = f"(__fish_append , {' '.join(words)})"
            said.append(f"-x -a {_quoted(listed)}")
        else:
            said.append(f"-x -a {_quoted(' '.join(words))}")
    return " ".join([*said, f"-d {_quoted(option.does)}"])


def _argument(command: Command) -> tuple[str, ...]:
    """Return the words that a command takes as its first argument, where these are few."""
    return {
        "explain": values("RULE") or (),
        "completion": tuple(SHELLS),
        "history": (
            "add",
            "backfill",
            "import",
            "order",
            "list",
            "changes",
            "site",
            "export",
            "copy",
            "vacuum",
        ),
    }.get(command.name, ())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


_REFS = "git for-each-ref --format='%(refname:short)'"
SHELLS: dict[str, Callable[[tuple[Command, ...]], str]] = {
    "bash": _bash,
    "fish": _fish,
    "zsh": _zsh,
}
