"""What the server is told, and what it says about what it cannot be told."""

import os
from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.__main__ import main
from torch_perflint.bot.server.settings import Settings, load_settings

from .conftest import keys
from .payloads import SECRET

FINE = "[github]\napp_id = 4242\n"
SECRETS = {"PERFLINT_WEBHOOK_SECRET": SECRET, "PERFLINT_APP_KEY": keys()[0]}


def load(folder: Path, text: str = FINE, **environ: str) -> Settings:
    path = folder / "server.toml"
    path.write_text(text)
    return load_settings(path, {**SECRETS, **environ})


def test_defaults_and_changes(tmp_path: Path) -> None:
    text = FINE + 'api_url = "https://ghe.example/api/v3"\n[limits]\nbody_seconds = 5\n'
    found = load(tmp_path, text + "[server]\nport = 9000\n[quotas]\nper_user = 7\n")
    assert (found.github.app_id, found.github.api_url) == (4242, "https://ghe.example/api/v3")
    assert (found.server.host, found.server.port) == ("127.0.0.1", 9000)
    assert (found.limits.body_seconds, found.quotas.per_user) == (5, 7)


def test_secrets_come_from_the_environment_or_from_files(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(keys()[0])
    (tmp_path / "secret").write_text(f"{SECRET}\n{SECRET[::-1]}\n")
    found = load(
        tmp_path,
        PERFLINT_APP_KEY="",
        PERFLINT_WEBHOOK_SECRET="",
        PERFLINT_APP_KEY_FILE=str(tmp_path / "key.pem"),
        PERFLINT_WEBHOOK_SECRET_FILE=str(tmp_path / "secret"),
    )
    assert found.webhook_secrets == (SECRET, SECRET[::-1])
    assert found.app_key == keys()[0]
    one_line = load(tmp_path, PERFLINT_APP_KEY=keys()[0].replace("\n", "\\n"))
    assert one_line.app_key == keys()[0]


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    shown = repr(load(tmp_path))
    assert SECRET not in shown and "BEGIN" not in shown


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "[github] needs app_id"),
        ("app_id = 4242", "has no table 'app_id'"),
        ("[github]\napp-id = 1", "has no setting 'app-id': did you mean 'app_id'?"),
        ("[githup]\n", "did you mean 'github'?"),
        ("github = 1", "[github] has to be a table"),
        ('[github]\napp_id = "4242"', "app_id is '4242', and has to be a whole number"),
        ("[github]\napp_id = true", "app_id is True, and has to be a whole number"),
        ("[github]\napp_id = -1", "app_id is -1, and has to be above 0"),
        (FINE + 'api_url = "ghe.example"', "https://HOST/api/v3"),
        (FINE + 'workflow = "perflint.yml"', "write the path of the measuring workflow"),
        (FINE + 'command_workflow = "x"', "[github] command_workflow is 'x'"),
        (FINE + "[server]\nport = 70000", "there are 65535"),
        (FINE + "[server]\nworkers = 0", "workers is 0, and has to be above 0"),
        (FINE + "[limits]\nbody_seconds = inf", "body_seconds is inf"),
        (FINE + "[limits]\nbody_seconds = nan", "body_seconds is nan"),
        (FINE + '[limits]\nbody_bytes = "2 MiB"', "has to be a whole number"),
        (FINE + '[server]\nwebhook_secret = "x"', "has no setting 'webhook_secret'"),
        ("[github", "is no TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(PerflintError) as error:
        load(tmp_path, text)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"PERFLINT_WEBHOOK_SECRET": ""}, "PERFLINT_WEBHOOK_SECRET is not set"),
        ({"PERFLINT_WEBHOOK_SECRET": "hunter2"}, "openssl rand -hex 32"),
        ({"PERFLINT_WEBHOOK_SECRET": f"{SECRET} short"}, "a secret of 5 characters"),
        ({"PERFLINT_APP_KEY": " "}, "PERFLINT_APP_KEY is not set"),
        ({"PERFLINT_APP_KEY_FILE": "/x"}, "both PERFLINT_APP_KEY and PERFLINT_APP_KEY_FILE"),
        (
            {"PERFLINT_APP_KEY": "", "PERFLINT_APP_KEY_FILE": "/not/there"},
            "cannot read PERFLINT_APP_KEY_FILE",
        ),
    ],
)
def test_a_missing_or_weak_secret_is_named_and_not_shown(
    tmp_path: Path, environ: dict[str, str], says: str
) -> None:
    with pytest.raises(PerflintError) as error:
        load(tmp_path, **environ)
    assert says in str(error.value)
    assert "hunter2" not in str(error.value)


def test_settings_can_be_checked_without_serving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "server.toml"
    path.write_text(FINE)
    words = ["bot", "serve", "--config", str(path), "--check"]
    assert main(words) == 0
    assert "is fine; App 4242 on https://api.github.com" in capsys.readouterr().out
    broken = os.environ["PERFLINT_APP_KEY"].replace("A", "!")
    monkeypatch.setenv("PERFLINT_APP_KEY", broken)
    assert main(words) == 2
    err = capsys.readouterr().err
    assert "no RSA key in PEM form" in err
    assert broken.split("\n")[3] not in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["bot", "serv"], "there are command, publish, serve, queue"),
        (["bot", "serve", "--config", "missing.toml"], "cannot read the settings missing.toml"),
        (["bot", "queue", "--config", "missing.toml"], "cannot read the settings missing.toml"),
    ],
)
def test_a_slip_on_the_command_line_is_named(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert says in capsys.readouterr().err
