"""Quotas: exact however many upload at once, and given back with the bytes."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from mizzap_common.contracts import catalog, events, keeping, library, requests
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, QuotaExceeded, TooLarge
from mizzap_common.inbox import Delivery
from mizzap_common.sealed import KeyRing
from mizzap_common.storage import original_key
from mizzap_common.testing import all_handled
from mizzap_photos import quotas_repository
from mizzap_photos.models import OriginalRow, QuotaRow
from mizzap_photos.quotas import Quotas
from mizzap_photos.service import Photos
from mizzap_photos.sweeper import Sweeper
from sqlalchemy import delete, select, update

from services.photos.tests.worlds import USER, World, jpeg

SIZE = 1000


def file_of(number: int, size: int = SIZE) -> bytes:
    return number.to_bytes(4) * (size // 4)


@pytest.fixture
async def database(world: World) -> AsyncIterator[Database]:
    database = Database(world.settings.database_url.get_secret_value())
    yield database
    await database.close()


def photos_with(world: World, database: Database, limit: int) -> Photos:
    settings = world.settings.model_copy(update={"free_quota_bytes": limit})
    return Photos(database, world.storage, Quotas(database, settings), KeyRing.from_file(settings.key_ring_file))


async def usage(world: World, user_id: int = USER) -> keeping.Usage:
    return await world.bus.ask(requests.PHOTOS_USAGE, library.UserRequest(user_id=user_id))


async def register(photos: Photos, world: World, data: bytes, file_name: str = "a.jpg") -> library.RegisteredPhoto:
    return await photos.register((await world.store(data)).model_copy(update={"file_name": file_name}))


async def upload_400(world: World, photos: Photos, user_id: int) -> int:
    """All at once, at the edge of a quota that holds a hundred; returns how many got in."""
    sent = [await world.store(file_of(number), user_id) for number in range(400)]
    at_once = asyncio.Semaphore(64)  # what the bus lets in; the others wait at the door

    async def register(request: library.RegisterPhoto) -> library.RegisteredPhoto:
        async with at_once:
            return await photos.register(request)

    outcomes = await asyncio.gather(*map(register, sent), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} <= {library.RegisteredPhoto, QuotaExceeded}
    return sum(isinstance(outcome, library.RegisteredPhoto) for outcome in outcomes)


async def test_400_uploads_at_the_edge_never_go_over(world: World, database: Database) -> None:
    user_id = USER + 400
    photos = photos_with(world, database, 100 * SIZE + SIZE // 2)
    assert await upload_400(world, photos, user_id) == 100, "never over, and nothing refused that fits"
    found = await usage(world, user_id)
    assert (found.used_bytes, found.photos) == (100 * SIZE, 100)
    assert len(await world.storage.list(f"user-{user_id}/originals/")) == 100, "what was refused is not kept"


async def test_a_check_before_the_update_goes_over(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: look first, then write. The check above must see it."""

    async def look_then_write(session, user_id, sha256, size_bytes, limit):
        session.add(OriginalRow(user_id=user_id, sha256=sha256, size_bytes=size_bytes))
        await quotas_repository._ensure(session, user_id)
        used = (await quotas_repository.find(session, user_id)).used_bytes
        if used + size_bytes > limit:
            return False
        more = {"used_bytes": QuotaRow.used_bytes + size_bytes}
        await session.execute(update(QuotaRow).where(QuotaRow.user_id == user_id).values(more))
        return True

    monkeypatch.setattr(quotas_repository, "charge", look_then_write)
    photos = photos_with(world, database, 100 * SIZE + SIZE // 2)
    assert await upload_400(world, photos, USER + 401) > 100


async def test_an_original_is_charged_once_and_given_back_with_its_bytes(world: World) -> None:
    data = jpeg()
    first, second = await world.upload(data, "a.jpg"), await world.upload(data, "b.jpg")
    await world.upload(data, "a.jpg")
    found = await usage(world)
    assert (found.used_bytes, found.limit_bytes, found.tier) == (len(data), 10_000_000_000, "free")
    await world.delete(first.photo.id, permanent=False)
    found = await usage(world)
    assert (found.used_bytes, found.photos, found.trash) == (len(data), 1, 1), "the trash counts"
    for photo, left in ((first.photo, len(data)), (second.photo, 0)):
        await world.delete(photo.id)
        await world.told(catalog.PHOTO_DELETED, 1 + (not left))
        await all_handled(world.bus.jetstream, "photos")
        assert (await usage(world)).used_bytes == left


async def test_bytes_that_come_back_while_they_are_being_removed_are_charged_once(world: World) -> None:
    data = jpeg()
    for round_ in range(10):
        photo = (await world.upload(data, f"{round_}.jpg")).photo
        _, again = await asyncio.gather(
            world.delete(photo.id), world.upload(data, f"again-{round_}.jpg"), return_exceptions=True
        )
        assert isinstance(again, library.RegisteredPhoto | Conflict)
        await world.told(catalog.PHOTO_DELETED, round_ + 1)
        await all_handled(world.bus.jetstream, "photos")
        found = await usage(world)
        assert found.used_bytes == (len(data) if found.photos else 0)


async def test_a_refusal_says_what_there_is_and_leaves_what_is_used(world: World, database: Database) -> None:
    photos = photos_with(world, database, SIZE)
    await register(photos, world, file_of(1))
    await register(photos, world, file_of(1), "the same bytes need no room.jpg")
    with pytest.raises(QuotaExceeded) as caught:
        await register(photos, world, file_of(2))
    assert (caught.value.code, caught.value.status) == ("QUOTA_EXCEEDED", 413)
    assert caught.value.details == {"usedBytes": SIZE, "limitBytes": SIZE, "neededBytes": SIZE}
    used, refused = await world.store(file_of(1)), hashlib.sha256(file_of(2)).hexdigest()
    assert await world.storage.stat(original_key(USER, used.sha256))
    assert await world.storage.stat(original_key(USER, refused)) is None


async def test_a_refusal_crosses_the_bus(world: World, database: Database) -> None:
    async with database.begin() as session:
        await quotas_repository.charge(session, USER, "0" * 64, 10_000_000_000, 10_000_000_000)
    with pytest.raises(TooLarge) as caught:
        await world.upload(jpeg())
    assert caught.value.code == "QUOTA_EXCEEDED"


async def test_what_is_asked_beforehand(world: World, database: Database) -> None:
    photos = photos_with(world, database, 2500)
    stored = await register(photos, world, file_of(1))

    async def free(sha256: str) -> int | None:
        return (await photos.quotas.room(keeping.RoomRequest(user_id=USER, sha256=sha256))).free_bytes

    assert await free("0" * 64) == 1500
    assert await free(stored.photo.sha256) is None, "what is stored already needs no room"
    await set_tier(photos, "premium")
    assert await free("0" * 64) is None


async def set_tier(photos: Photos, tier: events.Tier) -> None:
    told = events.UserTierChanged(user_id=USER, tier=tier)
    await photos.quotas.tier_changed(told, Delivery("photos-user-tier_changed", uuid4()))


async def test_premium_has_no_limit_and_going_back_takes_nothing(world: World, database: Database) -> None:
    photos = photos_with(world, database, SIZE)
    await set_tier(photos, "premium")
    for number in range(3):
        await register(photos, world, file_of(number), f"{number}.jpg")
    found = await usage(world)
    assert (found.tier, found.used_bytes, found.limit_bytes) == ("premium", 3 * SIZE, None)
    await set_tier(photos, "free")
    with pytest.raises(QuotaExceeded):
        await register(photos, world, file_of(9))
    assert (await usage(world)).photos == 3


async def test_the_tier_is_heard(world: World) -> None:
    await world.tell(catalog.USER_TIER_CHANGED, events.UserTierChanged(user_id=USER, tier="premium"))
    await all_handled(world.bus.jetstream, "photos")
    assert (await usage(world)).tier == "premium"


async def test_an_older_change_of_the_tier_that_comes_late_changes_nothing(world: World) -> None:
    for change, tier in ((2, "free"), (1, "premium")):
        told = events.UserTierChanged.model_validate({"user_id": USER, "tier": tier, "change": change})
        await world.tell(catalog.USER_TIER_CHANGED, told)
        await all_handled(world.bus.jetstream, "photos")
    assert (await usage(world)).tier == "free"
    await world.tell(catalog.USER_TIER_CHANGED, events.UserTierChanged(user_id=USER, tier="premium", change=3))
    await all_handled(world.bus.jetstream, "photos")
    assert (await usage(world)).tier == "premium"


async def test_a_wrong_quota_is_repaired(world: World, database: Database) -> None:
    photos = photos_with(world, database, 10**9)
    for number in range(3):
        await register(photos, world, file_of(number), f"{number}.jpg")
    assert await photos.quotas.recount() == 0
    async with database.begin() as session:
        await session.execute(update(QuotaRow).values(used_bytes=77))
        first = (await session.scalars(select(OriginalRow).limit(1))).one()
        await session.execute(delete(OriginalRow).where(OriginalRow.sha256 == first.sha256))
    assert await photos.quotas.recount() == 1
    assert (await usage(world)).used_bytes == 3 * SIZE
    assert await photos.quotas.recount() == 0


async def test_a_recount_amid_uploads_is_right(world: World, database: Database) -> None:
    photos = photos_with(world, database, 10**9)
    sent = [await world.store(file_of(number)) for number in range(60)]
    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(
            *(photos.register(request) for request in sent), *(photos.quotas.recount() for _ in range(6))
        )
    assert [found for found in outcomes if isinstance(found, int) and found] == [], "there is nothing to repair"
    assert (await usage(world)).used_bytes == 60 * SIZE


async def test_orphans_give_their_room_back(world: World, pieces: tuple[Photos, Sweeper, Database]) -> None:
    _, sweeper, database = pieces
    orphan = await world.store(file_of(1))
    async with database.begin() as session:
        await quotas_repository.charge(session, USER, orphan.sha256, SIZE, 10**9)
    assert (await usage(world)).used_bytes == SIZE
    await sweeper.remove_orphans(timedelta(seconds=-60))
    assert (await usage(world)).used_bytes == 0
