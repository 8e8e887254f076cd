"""Every table of every service is somebody's, so that erasing a user leaves nothing: also the tables still to come."""

import importlib
import pkgutil

import pytest
from mizzap_common.contracts import catalog
from mizzap_common.erasure import owner_columns
from sqlalchemy import Column, MetaData, Table, Text

NOBODYS = {"outbox", "inbox", "broker_epochs", "change_epoch", "deleted_families"}
"""Event ids, the broker's state and the feed's; the outbox's rows of a user are removed by what is in them."""
SHARED = {"families"}
"""Belong to their members, and go with the last of them: `Families.leave_all`."""
WITH_DATABASE = [name for name in catalog.SERVICES if name != "gateway"]


def metadata_of(service: str) -> MetaData:
    package = importlib.import_module(f"mizzap_{service}")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.endswith("models"):
            importlib.import_module(f"mizzap_{service}.{module.name}")
    found: MetaData = importlib.import_module(f"mizzap_{service}.models").metadata
    return found


def goes_with_its_owner(table: Table) -> bool:
    """By a column of its own, or by hanging on a row that goes, or it may stay, or is the account itself."""
    if owner_columns(table) or table.info.get("outlives_user") or table.name in NOBODYS | SHARED | {"users"}:
        return True
    return any(key.ondelete == "CASCADE" and goes_with_its_owner(key.column.table) for key in table.foreign_keys)


@pytest.mark.parametrize("service", WITH_DATABASE)
def test_every_table_goes_with_its_owner(service: str) -> None:
    tables = metadata_of(service).tables.values()
    assert [table.name for table in tables if not goes_with_its_owner(table)] == []


def test_a_table_that_is_nobodys_is_seen() -> None:
    assert not goes_with_its_owner(Table("diaries", MetaData(), Column("secret", Text)))


@pytest.mark.parametrize("service", WITH_DATABASE)
def test_what_outlives_its_user_has_no_words_in_it(service: str) -> None:
    """Ids, numbers and times; a text is an id of ours, or a service's or partner's name."""
    outliving = [table for table in metadata_of(service).tables.values() if table.info.get("outlives_user")]
    texts = {f"{t.name}.{column.name}" for t in outliving for column in t.columns if isinstance(column.type, Text)}
    assert texts <= {"erasures.erasure_id", "erasure_receipts.service", "partner_farewells.partner"}


def test_every_service_with_a_database_but_auth_takes_part() -> None:
    assert set(catalog.USER_ERASURE_REQUESTED.consumers) == set(WITH_DATABASE) - {"auth"}
