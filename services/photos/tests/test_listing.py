"""The list: every order and filter as plain Python would have it, by page and by cursor."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from mizzap_common.contracts import library
from mizzap_common.cursors import InvalidCursor
from mizzap_common.db import Database
from mizzap_common.errors import InvalidInput
from mizzap_common.sealed import KeyRing
from mizzap_photos.listing import Listing
from mizzap_photos.models import PhotoRow
from mizzap_photos.words import searchable
from sqlalchemy import delete, insert, select, text
from sqlmodel import col

SORTS = ["createdDate", "uploadedAt", "fileName", "fileSize", "qualityScore", "id"]
START = datetime(2024, 1, 1, 12, tzinfo=UTC)
CAMERAS = [None, "Canon EOS 70D", "NIKON D750", "Apple iPhone 11 Pro"]


def a_row(user_id: int, number: int, chance: random.Random) -> dict[str, Any]:
    """A photo in which every value that can be missing is at times, and many are equal to others'."""
    name, camera = f"IMG_{chance.randrange(40):02}-{number}.jpg", chance.choice(CAMERAS)
    return {
        "user_id": user_id, "file_name": name, "object_key": "k", "file_size": chance.randrange(1, 9),
        "mime_type": chance.choice(["image/jpeg", "image/heic", "video/mp4"]), "hash_md5": "0" * 32,
        "hash_sha256": "0" * 64, "camera_model": camera, "search_text": searchable(name, camera),
        "created_date": chance.choice([None, datetime(2024, 1, 1 + chance.randrange(5), chance.choice([0, 23]), 59, 59)]),
        "upload_status": chance.choice(["uploaded", "processed", "failed"]),
        "has_duplicates": chance.random() < 0.5, "duplicate_count": 0, "is_favourite": chance.random() < 0.5,
        "trashed_at": None,
        "quality_score": chance.choice([None, 0.0, 0.25, 1 / 3, 1.0]),
        "uploaded_at": START + timedelta(seconds=chance.randrange(5), microseconds=chance.randrange(3)),
    }  # fmt: skip


async def put(database: Database, rows: list[dict[str, Any]]) -> None:
    async with database.begin() as session:
        await session.execute(insert(PhotoRow), rows)


@pytest.fixture
def listing(database: Database, ring: KeyRing) -> Listing:
    return Listing(database, ring)


@pytest.fixture
async def photos(database: Database, user_id: int) -> list[PhotoRow]:
    chance = random.Random(user_id)
    await put(database, [a_row(user_id, number, chance) for number in range(60)])
    await put(database, [a_row(user_id + 1_000_000, number, chance) for number in range(10)])
    trashed = [a_row(user_id, number, chance) | {"trashed_at": START} for number in range(60, 75)]
    await put(database, trashed)
    async with database.begin() as session:
        kept = select(PhotoRow).where(col(PhotoRow.user_id) == user_id, col(PhotoRow.trashed_at).is_(None))
        return list((await session.scalars(kept)).all())


def by_hand(rows: list[PhotoRow], sort: str, order: str) -> list[int]:
    field = {"createdDate": "created_date", "uploadedAt": "uploaded_at", "fileName": "file_name",
             "fileSize": "file_size", "qualityScore": "quality_score", "id": "id"}[sort]  # fmt: skip
    descending = order == "desc"
    valued = [row for row in rows if getattr(row, field) is not None]
    valueless = [row for row in rows if getattr(row, field) is None]
    valued.sort(key=lambda row: (getattr(row, field), row.id), reverse=descending)
    valueless.sort(key=lambda row: row.id or 0, reverse=descending)
    return [row.id for row in (*valued, *valueless) if row.id]


async def walk(listing: Listing, limit: int, **asked: Any) -> list[int]:
    """All ids, page by page by cursor."""
    found: list[int] = []
    page = await listing.page(library.ListPhotos(limit=limit, **asked))
    while True:
        found += [photo.id for photo in page.photos]
        assert len(page.photos) <= limit and len(found) < 1000, "a list that has no end"
        if page.next_cursor is None:
            return found
        page = await listing.page(library.ListPhotos(limit=limit, cursor=page.next_cursor, **asked))
        assert page.total is None and page.photos


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", SORTS)
async def test_every_order_is_the_same_by_page_by_cursor_and_by_hand(
    listing: Listing, photos: list[PhotoRow], user_id: int, sort: Any, order: Any
) -> None:
    expected = by_hand(photos, sort, order)
    asked = {"user_id": user_id, "sort_by": sort, "sort_order": order}
    for limit in (1, 7, 60, 100):
        assert await walk(listing, limit, **asked) == expected
    for limit in (7, 20):
        paged: list[int] = []
        for number in range(1, 62 // limit + 2):
            page = await listing.page(library.ListPhotos(page=number, limit=limit, **asked))
            assert page.total == 60 and (page.next_cursor is not None) == (number * limit < 60)
            paged += [photo.id for photo in page.photos]
        assert paged == expected


@pytest.mark.parametrize("sort", ["createdDate", "fileName", "qualityScore"])
async def test_a_cursor_skips_and_repeats_nothing_while_photos_come_and_go(
    listing: Listing, database: Database, photos: list[PhotoRow], user_id: int, sort: Any
) -> None:
    asked = {"user_id": user_id, "sort_by": sort, "limit": 7}
    chance = random.Random(1)
    expected, seen, gone = by_hand(photos, sort, "desc"), [], set()
    page = await listing.page(library.ListPhotos(**asked))
    while True:
        seen += [photo.id for photo in page.photos]
        if page.next_cursor is None:
            break
        await put(database, [a_row(user_id, number, chance) for number in range(100 + len(seen), 103 + len(seen))])
        async with database.begin() as session:
            unseen = [photo_id for photo_id in expected if photo_id not in seen and photo_id not in gone]
            leaving = {seen[-1], *unseen[:1]}  # the cursor's own photo among them
            await session.execute(delete(PhotoRow).where(col(PhotoRow.id).in_(leaving)))
            gone |= leaving - set(seen)
        page = await listing.page(library.ListPhotos(cursor=page.next_cursor, **asked))
    assert len(seen) == len(set(seen))
    assert [photo_id for photo_id in seen if photo_id in expected] == [i for i in expected if i not in gone]


async def test_a_cursor_is_good_for_its_own_list_alone(listing: Listing, photos: list[PhotoRow], user_id: int) -> None:
    asked: dict[str, Any] = {"user_id": user_id, "sort_by": "fileName", "status": "processed", "limit": 2}
    cursor = (await listing.page(library.ListPhotos(**asked))).next_cursor
    assert cursor
    others: list[dict[str, Any]] = [
        {"user_id": user_id + 1_000_000}, {"sort_by": "fileSize"}, {"sort_order": "asc"}, {"status": "failed"},
        {"q": "img"}, {"album_id": 1, "album_photo_ids": []}, {"min_quality": 0.1}, {"date_from": date(2024, 1, 1)},
    ]  # fmt: skip
    for other in others:
        with pytest.raises(InvalidCursor):
            await listing.page(library.ListPhotos(**(asked | other), cursor=cursor))
    assert (await listing.page(library.ListPhotos(**(asked | {"limit": 5}), cursor=cursor))).photos


async def test_a_tampered_cursor_is_refused_wherever_it_was_changed(
    listing: Listing, photos: list[PhotoRow], user_id: int
) -> None:
    cursor = (await listing.page(library.ListPhotos(user_id=user_id, limit=2))).next_cursor
    assert cursor and str(photos[0].file_name) not in cursor
    changed = [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(len(cursor) - 1)]
    for bad in [*changed, *(cursor[:at] for at in range(1, len(cursor) - 1)), cursor + "AAAA", "A", "AQ", "AQEx"]:
        with pytest.raises(InvalidCursor):
            await listing.page(library.ListPhotos(user_id=user_id, limit=2, cursor=bad))


FILTERS: list[tuple[dict[str, Any], Callable[[PhotoRow], bool]]] = [
    ({"date_from": date(2024, 1, 2)}, lambda row: bool(row.created_date and row.created_date.day >= 2)),
    ({"date_to": date(2024, 1, 3)}, lambda row: bool(row.created_date and row.created_date.day <= 3)),
    ({"min_quality": 0.25}, lambda row: row.quality_score is not None and row.quality_score >= 0.25),
    ({"max_quality": 1 / 3}, lambda row: row.quality_score is not None and row.quality_score <= 1 / 3),
    ({"media_type": "photo"}, lambda row: row.mime_type.startswith("image/")),
    ({"media_type": "video"}, lambda row: row.mime_type == "video/mp4"),
    ({"media_type": "image/he"}, lambda row: row.mime_type == "image/heic"),
    ({"camera": "nikon"}, lambda row: row.camera_model == "NIKON D750"),
    ({"has_duplicates": True}, lambda row: row.has_duplicates),
    ({"has_duplicates": False}, lambda row: not row.has_duplicates),
    ({"favourite": True}, lambda row: row.is_favourite),
    ({"favourite": False}, lambda row: not row.is_favourite),
    ({"status": "failed"}, lambda row: row.upload_status == "failed"),
    ({"q": "img_1"}, lambda row: row.file_name.startswith("IMG_1")),
    ({"q": "CANON img"}, lambda row: row.camera_model == "Canon EOS 70D"),
    ({"q": "70d .JPG eos"}, lambda row: row.camera_model == "Canon EOS 70D"),
    ({"q": "%"}, lambda row: False),
    ({"q": "img\\"}, lambda row: False),
    ({"q": "I_G"}, lambda row: False),
    ({"q": "jpg apple-"}, lambda row: False),
    ({"q": "' OR user_id > 0 --"}, lambda row: False),
    ({"camera": "' OR user_id > 0 --"}, lambda row: False),
]


@pytest.mark.parametrize("number", range(len(FILTERS)))
async def test_a_filter_chooses_what_it_says(
    listing: Listing, photos: list[PhotoRow], user_id: int, number: int
) -> None:
    asked, chosen = FILTERS[number]
    expected = by_hand([row for row in photos if chosen(row)], "createdDate", "desc")
    assert await walk(listing, 100, user_id=user_id, **asked) == expected
    assert (await listing.page(library.ListPhotos(user_id=user_id, **asked))).total == len(expected)


async def test_filters_narrow_each_other_down_in_every_order(
    listing: Listing, photos: list[PhotoRow], user_id: int
) -> None:
    chance = random.Random(2)
    found = 0
    for _ in range(40):
        picked = chance.sample(FILTERS[:14], 2)
        asked: dict[str, Any] = {}
        for fields, _chosen in picked:
            asked |= fields
        sort, order = chance.choice(SORTS), chance.choice(["asc", "desc"])
        chosen = [row for row in photos if all(c(row) for fields, c in picked if fields.items() <= asked.items())]
        found += len(chosen)
        assert await walk(
            listing, 3, user_id=user_id, sort_by=sort, sort_order=order, **asked
        ) == by_hand(chosen, sort, order)  # fmt: skip
    assert found > 100


async def test_an_album_shows_the_callers_own_photos_in_it(
    listing: Listing, photos: list[PhotoRow], user_id: int
) -> None:
    inside = [row for row in photos if (row.id or 0) % 3 == 0]
    ids = [row.id for row in inside]
    asked = {"user_id": user_id, "album_id": 1, "album_photo_ids": [*ids, 10**12]}
    assert await walk(listing, 4, **asked) == by_hand(inside, "createdDate", "desc")
    assert await walk(listing, 4, **(asked | {"album_photo_ids": []})) == []
    assert await walk(listing, 4, **(asked | {"user_id": user_id + 5_000_000})) == []


async def test_accents_and_case_make_no_difference(listing: Listing, database: Database, user_id: int) -> None:
    names = ["Été à Łódź.jpg", "ete.jpg", "STRASSE.jpg", "Straße.jpg", "100%_Spaß.jpg"]
    rows = [a_row(user_id, 0, random.Random(0)) | {"file_name": n, "search_text": searchable(n)} for n in names]
    await put(database, rows)

    async def found(query: str) -> set[str]:
        page = await listing.page(library.ListPhotos(user_id=user_id, q=query))
        return {photo.file_name for photo in page.photos}

    assert await found("ÉTÉ") == await found("ete") == {"Été à Łódź.jpg", "ete.jpg"}
    assert await found("straße") == {"STRASSE.jpg", "Straße.jpg"}
    assert await found("100%_s") == {"100%_Spaß.jpg"}
    assert await found("---") == set()


@pytest.mark.parametrize(
    "asked",
    [{"date_from": date(2024, 1, 2), "date_to": date(2024, 1, 1)}, {"min_quality": 0.6, "max_quality": 0.5},
     {"q": " ".join(map(str, range(11)))}],
)  # fmt: skip
async def test_what_can_choose_nothing_is_said(listing: Listing, user_id: int, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        await listing.page(library.ListPhotos(user_id=user_id, **asked))
    assert caught.value.code == "INVALID_INPUT" and caught.value.details["field"]


@pytest.mark.parametrize("depth", [5, 38])
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", SORTS)
async def test_a_page_by_cursor_is_one_stretch_of_an_index(
    listing: Listing,
    database: Database,
    user_id: int,
    sort: Any,
    order: Any,
    depth: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many there are before and behind it: nothing is sorted, nothing before the cursor is looked at."""
    chance = random.Random(3)
    await put(database, [a_row(user_id, number, chance) for number in range(400)])
    plans: list[str] = []

    async def explained(session: Any, statement: Any) -> list[PhotoRow]:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        await session.execute(text("SET LOCAL enable_bitmapscan = off"))
        compiled = statement.compile(session.bind, compile_kwargs={"literal_binds": True})
        lines = (await session.scalars(text(f"EXPLAIN (ANALYZE) {compiled}".replace(":", r"\:")))).all()
        plans.append("\n".join(lines))
        return list((await session.scalars(statement)).all())

    asked = {"user_id": user_id, "sort_by": sort, "sort_order": order}
    page = await listing.page(library.ListPhotos(page=depth, limit=10, **asked))
    monkeypatch.setattr("mizzap_photos.listing._rows", explained)
    await listing.page(library.ListPhotos(limit=10, cursor=page.next_cursor, **asked))
    assert plans
    for plan in plans:
        assert "Sort" not in plan and "Index Scan" in plan, plan
        assert "Rows Removed" not in plan, plan
