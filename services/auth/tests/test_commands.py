"""The operator's commands, beside a running service."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mizzap_auth import commands, rotation
from mizzap_auth.emails import Emails
from mizzap_auth.settings import AuthSettings
from mizzap_common import testing
from mizzap_common.contracts import accounts, catalog, requests
from mizzap_common.sealed import KeyRing


@pytest.fixture
def another_ring(auth, tmp_path: Path) -> AuthSettings:
    """The settings with the ring's second key as the current one."""
    ring = json.loads(auth.settings.key_ring_file.read_text()) | {"current": "2"}
    path = tmp_path / "ring.json"
    path.write_text(json.dumps(ring))
    return auth.settings.model_copy(update={"key_ring_file": path})


async def _key_ids(auth) -> set[str]:
    return {bytes(sealed)[2:3].decode() for (sealed,) in await auth.sql("SELECT email FROM users")}


async def test_a_rotation_seals_everything_anew(auth, email, another_ring, monkeypatch, capsys) -> None:
    monkeypatch.setattr(rotation, "_BATCH", 2)
    made = await auth.register(email)
    for _ in range(4):
        await auth.register()
    [(users,)] = await auth.sql("SELECT count(*) FROM users")
    await asyncio.to_thread(commands.rotate_keys, another_ring, [])
    assert await _key_ids(auth) == {"2"}
    said = capsys.readouterr().out.splitlines()
    assert f"2 of {users} users seen, 2 sealed anew" in said
    assert said[-1] == "Everything is sealed with the current key."
    [(sealed,)] = await auth.sql("SELECT email FROM users WHERE id = %(id)s", id=made.user.id)
    assert Emails(KeyRing.from_file(another_ring.key_ring_file)).open(made.user.id, sealed) == email
    await asyncio.to_thread(commands.rotate_keys, another_ring, [])
    assert " 0 sealed anew" in capsys.readouterr().out
    assert (await auth.login(email)).user == made.user


async def test_a_rotation_goes_on_where_it_was_stopped(auth, another_ring, monkeypatch) -> None:
    monkeypatch.setattr(rotation, "_BATCH", 1)
    await asyncio.to_thread(commands.rotate_keys, auth.settings, [])
    for _ in range(3):
        await auth.register()

    def stop(progress: rotation.Progress) -> None:
        if progress.sealed == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await asyncio.to_thread(
            commands._run, another_ring, lambda database, emails: rotation.rotate(database, emails, stop)
        )
    assert await _key_ids(auth) == {"1", "2"}
    await asyncio.to_thread(commands.rotate_keys, another_ring, [])
    assert await _key_ids(auth) == {"2"}


async def test_what_cannot_be_opened_stops_nothing_and_is_told(auth, another_ring) -> None:
    broken, whole = await auth.register(), await auth.register()
    [(original,)] = await auth.sql("SELECT email FROM users WHERE id = %(id)s", id=broken.user.id)
    await auth.sql("UPDATE users SET email = '\\x00' WHERE id = %(id)s", id=broken.user.id)
    with pytest.raises(SystemExit, match=f"users: {broken.user.id}"):
        await asyncio.to_thread(commands.rotate_keys, another_ring, [])
    [(sealed,)] = await auth.sql("SELECT email FROM users WHERE id = %(id)s", id=whole.user.id)
    assert bytes(sealed)[2:3] == b"2"
    await auth.sql("UPDATE users SET email = %(o)s WHERE id = %(id)s", o=original, id=broken.user.id)


async def test_nobody_notices_a_rotation(auth, email, another_ring, monkeypatch) -> None:
    monkeypatch.setattr(rotation, "_BATCH", 1)
    await asyncio.to_thread(commands.rotate_keys, auth.settings, [])
    made = await auth.register(email)
    for _ in range(3):
        await auth.register()
    rotating = asyncio.create_task(asyncio.to_thread(commands.rotate_keys, another_ring, []))
    asked = 0
    while not rotating.done():
        shown = await auth.bus.ask(requests.AUTH_ME, accounts.UserRequest(user_id=made.user.id))
        assert shown == made.user
        asked += 1
    await rotating
    late = await auth.register()  # by the service, which still seals with the old key
    assert asked > 1 and await _key_ids(auth) == {"1", "2"}
    await asyncio.to_thread(commands.rotate_keys, another_ring, [])
    assert await _key_ids(auth) == {"2"}
    assert (await auth.refresh(late.refresh_token)).user == late.user


async def test_a_tier_is_given_shown_and_told_once(auth, email, capsys) -> None:
    made = await auth.register(email)
    assert made.user.tier == "free"
    for _ in range(2):
        await asyncio.to_thread(commands.tier, auth.settings, [email.upper(), "premium"])
    assert capsys.readouterr().out == f"User {made.user.id} is premium now.\n" * 2
    shown = await auth.bus.ask(requests.AUTH_ME, accounts.UserRequest(user_id=made.user.id))
    assert shown.tier == "premium"

    async def told() -> list[tuple[str, int]]:
        changes = await testing.published(auth.bus.jetstream, catalog.USER_TIER_CHANGED)
        return [(change.tier, change.change) for change in changes if change.user_id == made.user.id]

    [(tier, first)] = await testing.eventually(told)
    assert tier == "premium"
    await asyncio.to_thread(commands.tier, auth.settings, [email, "free"])

    async def told_again() -> bool:
        match await told():
            case [("premium", _), ("free", second)]:
                return second > first
        return False

    await testing.eventually(told_again)


@pytest.mark.parametrize("words", [[], ["a@b.fr"], ["a@b.fr", "gold"], ["a@b.fr", "free", "now"]])
def test_a_mistyped_tier_is_explained(auth, words) -> None:
    with pytest.raises(SystemExit, match=r"usage: .* tier EMAIL"):
        commands.tier(auth.settings, words)


def test_a_tier_for_nobody_is_refused(auth) -> None:
    with pytest.raises(SystemExit, match="no account"):
        commands.tier(auth.settings, ["nobody@mizzap.test", "free"])


def test_the_program_knows_its_commands(auth) -> None:
    environment = os.environ | {
        "MIZZAP_DATABASE_URL": auth.database_url,
        "MIZZAP_SIGNING_KEY_FILE": str(auth.settings.signing_key_file),
        "MIZZAP_KEY_RING_FILE": str(auth.settings.key_ring_file),
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mizzap_auth", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    mistyped = run("rotate")
    assert mistyped.returncode == 1
    assert mistyped.stderr == "usage: python -m mizzap_auth [migrate | rotate-keys | tier | audit-verify | erasures]\n"
    rotated = run("rotate-keys")
    assert rotated.returncode == 0, rotated.stderr
    assert rotated.stdout.endswith("Everything is sealed with the current key.\n")
