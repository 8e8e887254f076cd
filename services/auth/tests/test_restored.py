"""The drill of docs/retention.md on a running service: what others remember of after the backup is never said again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from mizzap_auth import commands
from mizzap_auth.app import build
from mizzap_auth.settings import AuthSettings
from mizzap_common import migrations, testing
from mizzap_common.contracts import catalog, consents, requests
from psycopg import sql

from services.auth.tests.conftest import Auth, a_mail
from services.auth.tests.test_families import People


class Backups:
    """Whole copies of a database that nobody uses at the time."""

    def __init__(self, admin_url: str, database_url: str) -> None:
        self.admin_url = admin_url
        self.name = database_url.rsplit("/", 1)[1]

    async def make(self) -> None:
        await self._run(sql.SQL("CREATE DATABASE {copy} TEMPLATE {name}"))

    async def restore(self) -> None:
        await self._run(sql.SQL("DROP DATABASE {name}"), sql.SQL("ALTER DATABASE {copy} RENAME TO {name}"))

    async def _run(self, *statements: sql.SQL) -> None:
        def run() -> None:
            names = {"name": sql.Identifier(self.name), "copy": sql.Identifier(f"{self.name}_copy")}
            with psycopg.connect(self.admin_url, autocommit=True) as connection:
                for statement in statements:
                    connection.execute(statement.format(**names))

        await asyncio.to_thread(run)


async def _consent(auth: Auth, user_id: int, granted: bool) -> None:
    said = consents.ChangeConsent(user_id=user_id, purpose="ai", granted=granted, version="2")
    await auth.bus.ask(requests.AUTH_CHANGE_CONSENT, said)


async def _told(auth: Auth, event: catalog.Event[Any], user_id: int, count: int) -> list[int]:
    """The numbers of changes that others have heard about the user, in the order in which they were told."""

    async def enough() -> list[int]:
        found = await testing.published(auth.bus.jetstream, event)
        mine = [payload.change for payload in found if payload.user_id == user_id]
        return mine if len(mine) >= count else []

    return await testing.eventually(enough)  # type: ignore[no-any-return]


async def test_a_restored_database_gives_nothing_out_again(
    nats_url: str, make_database: Callable[[str], str], s3_settings: testing.Store, servers: Any,
    write_key: Callable[..., Any], write_ring: Callable[..., Any],
) -> None:  # fmt: skip
    url = make_database("restored")
    await asyncio.to_thread(migrations.upgrade, "mizzap_auth", url)
    files = {"signing_key_file": write_key(), "key_ring_file": write_ring()}
    settings = testing.settings_for(AuthSettings, nats_url, s3_settings, url, policy_versions=("2",), **files)
    backups = Backups(servers.admin_database_url, url)

    @asynccontextmanager
    async def started() -> AsyncIterator[People]:
        async with testing.running(build(settings)):
            yield People(Auth(outside, url, settings))

    async with testing.outsider(nats_url) as outside:
        async with started() as people:
            address = a_mail()
            owner = await people.user(address)
            family = await people.create(owner)
            member = await people.join(owner, family)
        await backups.make()

        async with started() as people:
            auth = people.auth
            lost = await auth.register()
            lost_family = await people.create(lost.user.id)
            for role in ("viewer", "member", "viewer"):
                await people.make(owner, family, member, role)
            changes = [event.change for event in await people.told(catalog.FAMILY_CHANGED, family, 3)]
            for granted in (True, False, True):
                await _consent(auth, member, granted)
            heard = await _told(auth, catalog.CONSENT_CHANGED, member, 3)
            for tier in ("premium", "free", "premium"):
                await asyncio.to_thread(commands.tier, settings, [address, tier])
            tiers = await _told(auth, catalog.USER_TIER_CHANGED, owner, 3)
        await backups.restore()

        async with started() as people:
            auth = people.auth
            newcomer = await auth.register()
            assert newcomer.user.id > lost.user.id
            assert auth.session_of(newcomer) > auth.session_of(lost)
            assert not await auth.is_alive(lost)
            assert await people.create(newcomer.user.id) > lost_family
            await _consent(auth, member, True)
            await _consent(auth, member, False)
            assert (await _told(auth, catalog.CONSENT_CHANGED, member, 5))[-1] > max(heard)
            await asyncio.to_thread(commands.tier, settings, [address, "premium"])
            assert (await _told(auth, catalog.USER_TIER_CHANGED, owner, 4))[-1] > max(tiers)
            await people.remove(owner, family, member)
            [left] = await people.told(catalog.USER_LEFT_FAMILY, family)
            assert left.user_id == member and left.change > max(changes)
