"""Which contents are stored already: any number of names, a part of them in each answer."""

from typing import Any

from mizzap_common.contracts import library
from mizzap_common.db import Database
from mizzap_common.sealed import KeyRing
from mizzap_photos.models import PhotoRow
from mizzap_photos.service import Photos
from mizzap_photos.words import searchable
from sqlalchemy import insert

LONGEST = "🏔" * 240
MESSAGE_BYTES = 1 << 20
"""What the broker takes."""


def a_row(user_id: int, number: int, sha256: str) -> dict[str, Any]:
    name = f"{number:06}{LONGEST}.jpg"
    return {
        "user_id": user_id, "file_name": name, "object_key": "k", "file_size": 1, "mime_type": "image/jpeg",
        "hash_md5": "0" * 32, "hash_sha256": sha256, "search_text": searchable(name), "upload_status": "uploaded",
        "has_duplicates": False, "duplicate_count": 0, "is_favourite": False,
    }  # fmt: skip


async def known(database: Database, ring: KeyRing, user_id: int, hashes: list[str]) -> dict[str, list[str]]:
    """The names of each content, of all answers together."""
    photos = Photos(database, None, None, ring)  # type: ignore[arg-type]
    found: dict[str, list[str]] = {}
    after: int | None = 0
    while after is not None:
        answer = await photos.precheck(library.Precheck(user_id=user_id, sha256=hashes, after=after))
        assert len(answer.to_json()) < MESSAGE_BYTES
        for one in answer.known:
            assert len(one.photo_ids) == len(one.file_names)
            found.setdefault(one.sha256, []).extend(one.file_names)
        after = answer.next
    return found


async def test_a_thousand_contents_with_the_longest_names(database: Database, ring: KeyRing, user_id: int) -> None:
    hashes = [f"{number:064x}" for number in range(1_000)]
    rows = [a_row(user_id, number, sha256) for number, sha256 in enumerate(hashes)]
    async with database.begin() as session:
        await session.execute(insert(PhotoRow), rows)
    assert await known(database, ring, user_id, hashes) == {row["hash_sha256"]: [row["file_name"]] for row in rows}


async def test_a_content_with_many_names(database: Database, ring: KeyRing, user_id: int) -> None:
    sha256, other = "a" * 64, "b" * 64
    rows = [a_row(user_id, number, sha256) for number in range(1_200)] + [a_row(user_id, 0, other)]
    async with database.begin() as session:
        await session.execute(insert(PhotoRow), rows)
    found = await known(database, ring, user_id, [sha256, other])
    assert found == {sha256: [row["file_name"] for row in rows[:-1]], other: [rows[-1]["file_name"]]}
