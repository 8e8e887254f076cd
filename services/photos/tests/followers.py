"""Somebody who changes a library in every way there is, and somebody who follows by the change feed alone."""

import random
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from mizzap_common.contracts import events, feed, keeping, library
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, NotFound
from mizzap_common.imaging.metadata import PhotoMetadata
from mizzap_common.inbox import Delivery
from mizzap_common.sealed import KeyRing
from mizzap_photos.batch import Batch
from mizzap_photos.consent import Consent
from mizzap_photos.following import Feed
from mizzap_photos.listing import Listing
from mizzap_photos.reprocessing import request_again
from mizzap_photos.service import Photos, to_answer
from mizzap_photos.settings import PhotosSettings
from mizzap_photos.trash import Trash
from pydantic import SecretStr

STEPS: list[library.JobType] = ["thumbnail", "dedup", "ai_score"]


class Writer:
    """Does to one user's library what users and workers do to it, at random."""

    def __init__(self, photos: Photos, user_id: int, chance: random.Random) -> None:
        self.photos, self.user_id, self.chance = photos, user_id, chance
        answer = partial(to_answer, photos.ring)
        settings = PhotosSettings(database_url=SecretStr("unused"), key_ring_file=Path("unused"))
        self.bin = Trash(photos.database, settings, answer)
        self.batches = Batch(photos.database, answer, self.bin.now)
        self.consent = Consent(photos)
        self.ids: list[int] = []
        self.files: list[library.RegisterPhoto] = []
        self.consent_change = 0

    async def act(self) -> None:
        actions = [
            self.register, self.register, self.register, self.restore, self.inspect, self.finish, self.fail, self.pair, self.pair, self.delete, self.trash,
            self.trash, self.restore, self.upload_again, self.batch, self.favourite, self.reprocess, self.withdraw,
        ]  # fmt: skip
        await self.chance.choice(actions if len(self.ids) > 3 else [self.register])()

    async def register(self) -> int:
        request = library.RegisterPhoto(
            user_id=self.user_id, file_name=f"{uuid4()}.jpg", sha256=uuid4().hex * 2, md5="0" * 32,
            mime_type="image/jpeg", size_bytes=1,
        )  # fmt: skip
        photo_id = (await self.photos.register(request)).photo.id
        self.ids.append(photo_id)
        self.files.append(request)
        return photo_id

    def about(self) -> dict[str, Any]:
        return {"photo_id": self.chance.choice(self.ids), "user_id": self.user_id}

    async def inspect(self) -> None:
        event = events.PhotoUploaded(**self.about(), sha256="0", object_key="k", mime_type="image/jpeg", size_bytes=1)
        found = PhotoMetadata(width=self.chance.randrange(1, 9), height=1, latitude=51.5, longitude=-0.1)
        await self.photos.inspected(event, delivery(), found)

    async def finish(self) -> None:
        about = events.StepEnded(**self.about())
        for step in STEPS:
            values = {"quality_score": self.chance.random()} if step == "ai_score" else {}
            await self.photos.step_done(about, delivery(), step, values)

    async def fail(self) -> None:
        await self.fail_step(self.chance.choice(self.ids), "thumbnail")

    async def fail_step(self, photo_id: int, step: library.JobType) -> None:
        failure = events.StepFailed(photo_id=photo_id, user_id=self.user_id, code="BAD", message="No.")
        await self.photos.step_failed(failure, delivery(), step)

    async def pair(self) -> None:
        await self.match(active=self.chance.random() < 0.7)

    async def match(self, active: bool = True) -> None:
        first, second = self.chance.sample(self.ids, 2)
        number = self.user_id * 100 + self.chance.randrange(20)
        pair = events.DuplicateResolved(
            user_id=self.user_id, duplicate_id=number, primary_photo_id=first, duplicate_photo_id=second,
            action="pending" if active else "rejected",
        )  # fmt: skip
        await self.photos.pair_changed(pair, delivery())

    async def delete(self, photo_id: int | None = None, permanent: bool = True) -> None:
        photo_id = photo_id or self.chance.choice(self.ids)
        # deleted ids are tried again, as late events would
        with suppress(NotFound):
            await self.bin.delete(keeping.DeletePhoto(user_id=self.user_id, photo_id=photo_id, permanent=permanent))

    async def trash(self, photo_id: int | None = None) -> None:
        await self.delete(photo_id, permanent=False)

    async def restore(self, photo_id: int | None = None) -> None:
        photo_id = photo_id or self.chance.choice(self.ids)
        with suppress(NotFound):
            await self.bin.restore(library.PhotoRequest(user_id=self.user_id, photo_id=photo_id))

    async def upload_again(self, number: int | None = None) -> None:
        request = self.chance.choice(self.files) if number is None else self.files[number]
        # a deletion at the same moment was quicker: the client would send the bytes once more
        with suppress(Conflict):
            await self.photos.register(request)

    async def batch(self) -> None:
        action = self.chance.choice(["delete", "restore", "delete_permanently", "favourite", "unfavourite"])
        wanted = self.chance.sample(self.ids, 2)
        with suppress(NotFound):
            await self.batches.act(keeping.BatchAction(user_id=self.user_id, action=action, photo_ids=wanted))

    async def favourite(self) -> None:
        photo_id = self.chance.choice(self.ids)
        wanted = keeping.SetFavourite(user_id=self.user_id, photo_id=photo_id, favourite=self.chance.random() < 0.7)
        with suppress(NotFound):
            await self.batches.set_favourite(wanted)

    async def reprocess(self) -> None:
        async with self.photos.database.begin() as session:
            await request_again(session, self.user_id, [self.chance.choice(self.ids)], ["ai_score"])

    async def withdraw(self) -> None:
        self.consent_change += 1
        event = events.ConsentChanged(
            user_id=self.user_id, purpose="ai", version="1", granted=False, change=self.consent_change
        )
        await self.consent.changed(event, delivery())

    async def end_all_steps_but_one(self, photo_id: int, failed: bool) -> events.StepEnded:
        about = events.StepEnded(photo_id=photo_id, user_id=self.user_id)
        for step in ("metadata_extract", "dedup"):
            await self.photos.step_done(about, delivery(), step, {})  # type: ignore[arg-type]
        if failed:
            await self.fail_step(photo_id, "ai_score")
        else:
            await self.photos.step_done(about, delivery(), "ai_score", {})
        return about


class Follower:
    """An app that was never told anything but by the feed."""

    def __init__(self, source: Feed, user_id: int) -> None:
        self.source, self.user_id = source, user_id
        self.cursor = 0
        self.has: dict[int, Any] = {}

    async def poll(self, limit: int) -> bool:
        """Whether there is more at once."""
        asked = feed.ChangesRequest(user_id=self.user_id, after=self.cursor, limit=limit)
        page = await self.source.changes(asked)
        assert len(page.changes) <= limit
        seqs = [change.seq for change in page.changes]
        assert seqs == sorted(set(seqs)) and all(seq > self.cursor for seq in seqs)
        for change in page.changes:
            assert (change.data is None) == (change.change == "deleted")
            if change.data is None:
                self.has.pop(change.id, None)
            else:
                self.has[change.id] = change.data
        self.cursor = page.last
        return page.more

    async def heard(self) -> dict[int, str]:
        """What became of what since the last time."""
        page = await self.source.changes(feed.ChangesRequest(user_id=self.user_id, after=self.cursor, limit=100))
        await self.catch_up()
        return {change.id: change.change for change in page.changes}

    async def catch_up(self, limit: int = 3) -> dict[int, Any]:
        while await self.poll(limit):
            pass
        return self.has


def delivery() -> Delivery:
    return Delivery("test", uuid4())


async def server_state(database: Database, ring: KeyRing, user_id: int) -> dict[int, Any]:
    """What GET /photos shows."""
    page = await Listing(database, ring).page(library.ListPhotos(user_id=user_id, limit=100))
    assert page.next_cursor is None
    return {photo.id: photo.model_dump(mode="json", by_alias=True) for photo in page.photos}
