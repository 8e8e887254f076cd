"""What the auth service has of a user, for an export: the account, what they agreed to, their families,
what happened, and when they logged in."""

from collections.abc import Awaitable, Callable
from typing import Any

from mizzap_common.contracts import accounts, exporting, library
from mizzap_common.contracts.audit import AuditEntry
from mizzap_common.contracts.consents import ConsentEntry
from mizzap_common.db import Database
from pydantic.alias_generators import to_camel

from mizzap_auth import consents_repository, exports_repository
from mizzap_auth.families import Families
from mizzap_auth.service import Accounts

_ROWS = 1000
Items = list[dict[str, Any]]
Part = tuple[str, Callable[[int, int], Awaitable[tuple[Items, int | None]]]]
"""A file's name, and what gives its items for (user id, after which number), with the number to go on from."""


class AccountExport:
    def __init__(self, database: Database, users: Accounts, families: Families) -> None:
        self.database = database
        self.users = users
        self.families = families
        self.parts: tuple[Part, ...] = (
            ("account.json", self._account),
            ("consents.json", self._consents),
            ("families.json", self._families),
            ("audit.jsonl", self._audit),
            ("sessions.jsonl", self._sessions),
        )

    async def page(self, request: exporting.ExportPageRequest) -> exporting.ExportPage:
        """Raises NotFound when the user is gone."""
        part, after = request.place
        name, read = self.parts[min(part, len(self.parts) - 1)]
        items, following = await read(request.user_id, after)
        if following is not None:
            cursor: str | None = f"{part}:{following}"
        else:
            cursor = f"{part + 1}:0" if part + 1 < len(self.parts) else None
        return exporting.ExportPage(file=name, items=items, next_cursor=cursor)

    async def _account(self, user_id: int, _: int) -> tuple[Items, int | None]:
        user = await self.users.me(accounts.UserRequest(user_id=user_id))
        return [user.model_dump(mode="json", by_alias=True)], None

    async def _consents(self, user_id: int, after: int) -> tuple[Items, int | None]:
        """All that they ever said, however much, not only what counts now. The oldest first."""
        async with self.database.begin() as session:
            rows = await consents_repository.said_after(session, user_id, after, _ROWS)
        said = [ConsentEntry.model_validate(row, from_attributes=True) for row in rows]
        return [one.model_dump(mode="json", by_alias=True) for one in said], rows[-1].id if len(rows) == _ROWS else None

    async def _families(self, user_id: int, _: int) -> tuple[Items, int | None]:
        """Names, and the user's own role; the other members are not theirs to carry away."""
        mine = await self.families.list(library.UserRequest(user_id=user_id))
        return [family.model_dump(mode="json", by_alias=True) for family in mine.families], None

    async def _audit(self, user_id: int, after: int) -> tuple[Items, int | None]:
        async with self.database.begin() as session:
            entries = await exports_repository.audit(session, user_id, after, _ROWS)
        shown = [AuditEntry(seq=e.seq, at=e.at, action=e.action, about=e.about, hash=e.hash.hex()) for e in entries]
        items = [entry.model_dump(mode="json", by_alias=True) for entry in shown]
        return items, entries[-1].seq if len(entries) == _ROWS else None

    async def _sessions(self, user_id: int, after: int) -> tuple[Items, int | None]:
        async with self.database.begin() as session:
            rows = await exports_repository.sessions(session, user_id, after, _ROWS)
        items = [{to_camel(name): value for name, value in row.model_dump(mode="json").items()} for row in rows]
        return items, rows[-1].id if len(rows) == _ROWS else None
