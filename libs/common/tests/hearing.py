"""What the tests of delivery share: a service that hears uploads, and what came of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

from mizzap_common import outbox
from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, events
from mizzap_common.contracts.events import PhotoUploaded
from mizzap_common.db import Database
from mizzap_common.inbox import Delivery
from mizzap_common.testing import empty_streams
from sqlalchemy import text

UPLOADED = catalog.PHOTO_UPLOADED
FAST = (0.1, 0.1, 0.1)


def uploaded(photo_id: int = 1) -> PhotoUploaded:
    return PhotoUploaded(
        photo_id=photo_id, user_id=7, sha256="a" * 64, object_key="k", mime_type="image/jpeg", size_bytes=3
    )


@asynccontextmanager
async def hearing(
    url: str, database: Database, handler: Callable[[PhotoUploaded, Delivery], Awaitable[None]], service: str = "thumbs"
) -> AsyncIterator[Bus]:
    """A service that hears photo.uploaded, on streams made anew."""
    bus = Bus(service, url, database)
    bus.on(UPLOADED, handler, delays=FAST)
    async with on_fresh_streams(bus):
        yield bus


@asynccontextmanager
async def on_fresh_streams(bus: Bus) -> AsyncIterator[None]:
    await bus.connect()
    await empty_streams(bus.jetstream)
    await bus.start()
    try:
        yield
    finally:
        await bus.stop()


async def publish(bus: Bus, photo_id: int = 1, body: bytes | None = None, **headers: str) -> str:
    event_id = str(uuid4())
    await bus.jetstream.publish(
        UPLOADED.subject,
        uploaded(photo_id).to_json() if body is None else body,
        stream=UPLOADED.stream,
        headers={"ce-id": event_id, **headers},
    )
    return event_id


async def settled(bus: Bus, handled: int = 1) -> None:
    """Waits until the durable has acknowledged so many messages."""
    async with asyncio.timeout(30):
        while True:
            info = await bus.jetstream.consumer_info(UPLOADED.stream, UPLOADED.durable("thumbs"))
            if info.ack_floor and info.ack_floor.stream_seq >= handled and not info.num_ack_pending:
                return
            await asyncio.sleep(0.05)


async def effects(database: Database) -> int:
    async with database.begin() as session:
        return int((await session.execute(text("SELECT count(*) FROM effects"))).scalar_one())


def committing(database: Database) -> Callable[[PhotoUploaded, Delivery], Awaitable[None]]:
    async def handle(payload: PhotoUploaded, delivery: Delivery) -> None:
        async with database.effect(delivery) as session:
            await session.execute(text("INSERT INTO effects VALUES (:id)"), {"id": payload.photo_id})
            await outbox.add(
                session,
                catalog.PHOTO_THUMBNAILED,
                events.PhotoThumbnailed(photo_id=payload.photo_id, user_id=7, renditions=[]),
            )

    return handle


def keeping_quiet(database: Database) -> Callable[[PhotoUploaded, Delivery], Awaitable[None]]:
    """Has an effect that nobody is told of: the outbox holds what the test put there, and nothing else."""

    async def handle(payload: PhotoUploaded, delivery: Delivery) -> None:
        async with database.effect(delivery) as session:
            await session.execute(text("INSERT INTO effects VALUES (:id)"), {"id": payload.photo_id})

    return handle


async def dead_letters(bus: Bus) -> list[dict[str, str]]:
    info = await bus.jetstream.stream_info(catalog.DEAD_LETTER_STREAM)
    letters = [await bus.jetstream.get_msg(catalog.DEAD_LETTER_STREAM, n) for n in range(1, info.state.last_seq + 1)]
    return [letter.headers or {} for letter in letters]
