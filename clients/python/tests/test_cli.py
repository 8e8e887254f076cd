"""The command line: who is logged in, and one sentence when something is wrong."""

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mizzap_client import cli
from mizzap_client.config import Login, load_login, save_login
from mizzap_client.errors import NotLoggedIn
from mizzap_client.models import Session
from typer.testing import CliRunner, Result

SESSION = {"user": {"id": 1, "email": "c@example.com"}, "accessToken": "access-1", "refreshToken": "r", "expiresIn": 9}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "config" / "session.json"
    monkeypatch.setenv("MIZZAP_CONFIG", str(path))
    yield path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments)


def test_only_the_owner_can_read_the_session(config: Path) -> None:
    for server in ("http://one", "http://two"):
        save_login(Login(server=server, session=Session.model_validate(SESSION)))
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700
    assert load_login().server == "http://two"
    assert [path.name for path in config.parent.iterdir()] == ["session.json"]


def test_without_a_login(config: Path) -> None:
    result = run("ls")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: You are not logged in") and result.stderr.count("\n") == 1


def test_a_damaged_session_file(config: Path) -> None:
    config.parent.mkdir()
    config.write_text("{")
    with pytest.raises(NotLoggedIn, match="log in again"):
        load_login()


def test_a_server_that_is_not_there_is_one_sentence(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "PATIENCE_SECONDS", 0.2)
    result = run("login", "c@example.com", "--password", "secret", "--server", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "http://127.0.0.1:9 does not answer" in result.stderr and "Traceback" not in result.output
    assert not config.exists()


@pytest.mark.parametrize(
    ("option", "answer", "ai"), [(["--ai"], "", True), (["--no-ai"], "", False), ([], "y\n", True), ([], "n\n", False)]
)
async def test_registering_says_whether_ai_may_be_used(
    client: Any, gateway: Any, config: Path, option: list[str], answer: str, ai: bool
) -> None:
    command = ["register", "c@example.com", "--password", "s3cret", "--server", client.server, *option]
    result = await asyncio.to_thread(CliRunner().invoke, cli.app, command, input=answer)
    assert result.exit_code == 0, result.output
    assert gateway.registered[-1]["consents"] == {"ai": ai, "marketing": False}
    assert f"{'with' if ai else 'without'} AI" in result.output


async def test_the_consent_is_changed_under_the_newest_version(client: Any, gateway: Any, config: Path) -> None:
    login = ["login", "c@example.com", "--password", "s3cret", "--server", client.server]
    assert (await asyncio.to_thread(run, *login)).exit_code == 0
    result = await asyncio.to_thread(run, "consent", "--no-ai")
    assert result.exit_code == 0, result.output
    assert gateway.consented == [("ai", {"granted": False, "version": "2"})]


async def test_log_in_sync_and_list(client: Any, gateway: Any, config: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a [1].jpg").write_bytes(b"photo")
    (tmp_path / "photos" / "notes.txt").write_bytes(b"no photo")
    result = await asyncio.to_thread(run, "login", "c@example.com", "--password", "s3cret", "--server", client.server)
    assert result.exit_code == 0, result.output
    assert "s3cret" not in load_login().model_dump_json()
    result = await asyncio.to_thread(run, "sync", str(tmp_path / "photos"))
    assert result.exit_code == 2 and "2 files: 1 sent" in result.output and "notes.txt" in result.output
    result = await asyncio.to_thread(run, "ls")
    assert result.exit_code == 0 and "a [1].jpg" in result.output
