"""What an error of the database tells: nothing about anybody."""

import pytest
from mizzap_auth import repository
from mizzap_common.db import Database
from sqlalchemy.exc import DBAPIError


async def test_errors_hold_no_personal_data(auth, email) -> None:
    database = Database(auth.database_url)
    refused = {"email": b"", "password_hash": "CANARY", "privacy_accepted": False}
    with pytest.raises(DBAPIError) as error:
        async with database.begin() as session:
            await repository.add_user(session, {**refused, "username": "CANARY\0", "country": "FR"}, [bytes(32)])
    await database.close()
    assert "CANARY" not in str(error.value)
    assert "INSERT INTO users" in str(error.value)  # it is still good for something
