"""Another index key: every step of the change with two replicas, one of which is a step ahead."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from mizzap_auth import commands
from mizzap_auth.app import build
from mizzap_auth.emails import Emails
from mizzap_auth.links import Links
from mizzap_auth.settings import AuthSettings
from mizzap_common import testing
from mizzap_common.contracts import accounts, families, requests
from mizzap_common.errors import Conflict, NotFound
from mizzap_common.sealed import KeyRing, new_key_ring

from services.auth.tests.conftest import Auth, a_mail

STEPS = (("old",), ("old", "new"), ("new", "old"), ("new",))


@pytest.fixture(scope="module")
def ring_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The file of a ring with these index keys."""
    folder = tmp_path_factory.mktemp("rings")
    ring = json.loads(new_key_ring("1"))
    keys = {name: json.loads(new_key_ring("x"))["index"] for name in ("old", "new")}

    def write(*names: str) -> Path:
        path = folder / f"{'-'.join(names)}.json"
        path.write_text(json.dumps(ring | {"index": [keys[name] for name in names]}))
        return path

    return write


@pytest.fixture
def replicas(nats_url: str, settings: AuthSettings, ring_of: Callable[..., Path]):
    """`async with replicas(("old",), ("old", "new")) as auth`: so many, on one database."""

    @asynccontextmanager
    async def start(*rings: tuple[str, ...]) -> AsyncIterator[Auth]:
        async with AsyncExitStack() as running:
            bus = await running.enter_async_context(testing.outsider(nats_url))
            for names in rings:
                app = build(settings.model_copy(update={"key_ring_file": ring_of(*names)}))
                await running.enter_async_context(testing.running(app))
            yield Auth(bus, settings.database_url.get_secret_value(), settings)

    return start


async def joined_by(auth: Auth, owner: int, email: str, user_id: int) -> list[int]:
    """Who is in a new family once the owner has invited an address and somebody has tried to use that."""
    made = await auth.bus.ask(requests.AUTH_CREATE_FAMILY, families.CreateFamily(user_id=owner, name="F"))
    question = families.Invite(user_id=owner, family_id=made.id, role="member", email=email)
    token = (await auth.bus.ask(requests.AUTH_INVITE, question)).token
    with suppress(NotFound):
        await auth.bus.ask(requests.AUTH_ACCEPT, families.AcceptInvitation(user_id=user_id, token=token))
    found = await auth.bus.ask(requests.AUTH_FAMILY, families.FamilyRequest(user_id=owner, family_id=made.id))
    return [member.user_id for member in found.members]


async def test_nobody_notices_a_change_of_the_index_key(replicas, settings, ring_of, capsys) -> None:
    known: dict[str, int] = {}
    for before, after in pairwise(STEPS):
        if after == ("new",):
            rotating = settings.model_copy(update={"key_ring_file": ring_of(*before)})
            await asyncio.to_thread(commands.rotate_keys, rotating, [])
        async with replicas(before, after) as auth:
            for email in (a_mail(), a_mail()):
                known[email] = (await auth.register(email)).user.id
            for email, user_id in known.items():
                for _ in range(2):  # either replica is asked, sooner or later
                    assert (await auth.login(email.upper())).user.id == user_id
                with pytest.raises(Conflict):
                    await auth.register(email)
            (first, owner), (_, stranger) = next(iter(known.items())), [*known.items()][1]
            email, invited = [*known.items()][-1]
            assert await joined_by(auth, owner, email, invited) == [owner, invited]
            assert await joined_by(auth, owner, first, stranger) == [owner]
    capsys.readouterr()
    alone = settings.model_copy(update={"key_ring_file": ring_of("new")})
    await asyncio.to_thread(commands.audit_verify, alone, [])
    assert capsys.readouterr().out == "All audit logs are as they were written.\n"
    async with replicas(("new",)) as auth:
        for email, user_id in known.items():
            assert (await auth.login(email)).user.id == user_id


async def test_one_address_is_one_account_under_two_indexes(replicas) -> None:
    async with replicas(("old", "new"), ("new", "old")) as auth:
        for _ in range(6):
            email = a_mail()
            made = await asyncio.gather(*(auth.register(email) for _ in range(4)), return_exceptions=True)
            assert sum(isinstance(one, accounts.Session) for one in made) == 1
            assert sum(isinstance(one, Conflict) for one in made) == 3


async def test_what_was_tampered_with_is_not_signed_anew(replicas, settings, ring_of, capsys) -> None:
    async with replicas(("old",)) as auth:
        honest, bent = (await auth.register()).user.id, (await auth.register()).user.id
        # a chain made anew is right in everything but its signature
        await auth.sql("UPDATE audit_heads SET seal = 'x' WHERE user_id = %(u)s", u=bent)
    rotating = settings.model_copy(update={"key_ring_file": ring_of("new", "old")})
    await asyncio.to_thread(commands.rotate_keys, rotating, [])
    alone = settings.model_copy(update={"key_ring_file": ring_of("new")})
    capsys.readouterr()
    with pytest.raises(SystemExit):
        await asyncio.to_thread(commands.audit_verify, alone, [])
    said = capsys.readouterr().out
    assert f"user {bent}," in said and f"user {honest}," not in said
    async with replicas(("new",)) as auth:
        await auth.sql("DELETE FROM audit_heads WHERE user_id = %(u)s", u=bent)


def test_links_signed_with_the_former_key_still_lead_somewhere(ring_of) -> None:
    now = datetime.now(UTC)
    old, both, new = (Links(KeyRing.from_file(ring_of(*names))) for names in (("old",), ("new", "old"), ("new",)))
    token = old.token(1, 2, now + timedelta(hours=1))
    assert (both.owner(token, 2, now), new.owner(token, 2, now)) == (1, None)
    assert new.owner(both.token(1, 2, now + timedelta(hours=1)), 2, now) == 1


def test_what_is_kept_is_the_first_keys(ring_of) -> None:
    old, both = (Emails(KeyRing.from_file(ring_of(*names))) for names in (("old",), ("new", "old")))
    assert both.indexes("a@b.fr")[1:] == old.indexes("a@b.fr") and both.indexes("a@b.fr")[0] not in old.indexes(
        "a@b.fr"
    )
