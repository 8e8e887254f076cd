"""What becomes of photos that were there before."""

from collections.abc import Callable

import pytest
from alembic import command
from mizzap_common import migrations
from sqlalchemy import create_engine, text

_INSERT = """
INSERT INTO photos (user_id, file_name, object_key, file_size, mime_type, hash_md5, hash_sha256, upload_status,
    has_duplicates, duplicate_count, location_latitude, camera_model)
VALUES (:user, 'IMG_' || :number || '.JPG', 'k', 1, 'image/jpeg', '', '', 'processed', false, 0, :latitude, 'Canon')
"""


def at_the_beginning(url: str, rows: list[dict[str, object]]) -> None:
    command.upgrade(migrations.config("mizzap_photos", url), "0001")
    with create_engine(url).begin() as connection:
        connection.execute(text(_INSERT), rows)


def test_what_was_there_is_found_and_is_in_the_feed(make_database: Callable[[str], str]) -> None:
    url = make_database("photos_before")
    at_the_beginning(url, [{"user": 1 + n % 2, "number": n, "latitude": None} for n in range(5)])
    migrations.upgrade("mizzap_photos", url)
    with create_engine(url).connect() as connection:
        feed = connection.execute(text("SELECT user_id, thing_id, seq FROM changes ORDER BY user_id, seq")).all()
        assert [tuple(row) for row in feed] == [(1, 1, 1), (1, 3, 2), (1, 5, 3), (2, 2, 1), (2, 4, 2)]
        heads = connection.execute(text("SELECT user_id, seq FROM change_heads ORDER BY user_id")).all()
        assert [tuple(row) for row in heads] == [(1, 3), (2, 2)]
        found = connection.execute(text("SELECT search_text FROM photos WHERE id = 1")).scalar_one()
        assert found == "img_0.jpg\ncanon"


def test_locations_that_are_not_sealed_are_refused(make_database: Callable[[str], str]) -> None:
    url = make_database("photos_located")
    at_the_beginning(url, [{"user": 1, "number": 1, "latitude": 43.7}])
    with pytest.raises(RuntimeError, match="not sealed"):
        migrations.upgrade("mizzap_photos", url)
