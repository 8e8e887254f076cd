"""Databases from before: addresses in the clear, changes that were counted."""

import psycopg
import pytest
from alembic import command
from mizzap_common import migrations


def test_a_database_with_users_in_the_clear_is_not_migrated(make_database) -> None:
    url = make_database("auth_old")
    command.upgrade(migrations.config("mizzap_auth", url), "0001")
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(
            "INSERT INTO users (email, email_normalised, password_hash, country, privacy_accepted)"
            " VALUES ('a@b.fr', 'a@b.fr', '', 'FR', false)"
        )
    with pytest.raises(SystemExit, match="begin with an empty one"):
        migrations.upgrade("mizzap_auth", url)
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT email FROM users").fetchall() == [("a@b.fr",)]


def test_changes_are_numbered_above_those_that_were_counted(make_database) -> None:
    url = make_database("auth_counted")
    command.upgrade(migrations.config("mizzap_auth", url), "tier_changes")
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("INSERT INTO families (name, change) VALUES ('Home', 7), ('Away', 2)")
    migrations.upgrade("mizzap_auth", url)
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT nextval('change_numbers') > 7").fetchone() == (True,)
