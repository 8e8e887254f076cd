"""Migrations make what the models say, of an empty database and of one with albums in it."""

from collections.abc import Callable

from alembic import command
from mizzap_albums import repository
from mizzap_albums.settings import AlbumsSettings
from mizzap_common import changes, migrations
from mizzap_common.contracts import feed
from mizzap_common.db import Database
from sqlalchemy import text

_BEFORE = (
    "INSERT INTO albums (user_id, name, visibility) VALUES (7, 'first', 'private'), (8, 'other', 'private'), (7, 'second', 'private')",
    "INSERT INTO album_photos (album_id, photo_id, position) VALUES (1, 11, 1), (1, 12, 3), (2, 21, 1), (1, 13, 2)",
)


def test_models_and_migrations_say_the_same(settings: AlbumsSettings) -> None:
    migrations.check("mizzap_albums", settings.database_url.get_secret_value())


async def test_albums_that_were_there_stay_as_they_were(make_database: Callable[[str], str]) -> None:
    url = make_database("albums")
    command.upgrade(migrations.config("mizzap_albums", url), "0001")
    database = Database(url)
    async with database.begin() as session:
        for statement in _BEFORE:
            await session.execute(text(statement))
    migrations.upgrade("mizzap_albums", url)
    async with database.begin() as session:
        rows = await session.execute(text("SELECT photo_id, owner_id FROM album_photos ORDER BY album_id, position"))
        assert [tuple(row) for row in rows] == [(11, 7), (13, 7), (12, 7), (21, 8)]
        seen = await repository.overviews(session, 7, [1, 2, 3])
        assert {album_id: (found.role, found.first_photo_id) for album_id, found in seen.items()} == {
            1: ("owner", 11),
            3: ("owner", None),
        }
        known = await changes.since(session, feed.ChangesRequest(user_id=7))
        assert [(change.seq, change.thing_id, change.change) for change in known.changes] == [
            (1, 1, "created"),
            (2, 3, "created"),
        ]
        changes.note(session, 7, "album", 1)
    async with database.begin() as session:
        later = await changes.since(session, feed.ChangesRequest(user_id=7, after=2))
        assert [change.seq for change in later.changes] == [3]
    await database.close()
