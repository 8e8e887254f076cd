"""Nobody reaches anybody else's: every operation × every place for an id × {another user's, deleted, one that never was}.

The operations and the places come from the OpenAPI document. A route with a place that no row here knows fails the
test, so that no new route is forgotten. Each answer must be the one for an id that never existed, to the letter, and
the owner must see everything as before.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from mizzap_common.testing import eventually

from tests.security.people import Person
from tests.security.things import NEVER, Things, decide, decision_is_known, kinds_made, processed_too, shown_to
from tests.stack import Stack

DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text(encoding="utf-8")
)

KINDS = {
    "photo_id": "photo", "photoId": "photo", "photoIds": "photo", "coverPhotoId": "photo", "add": "photo",
    "remove": "photo", "order": "photo", "after": "photo", "groupKeeper.photoId": "photo", "moves.photoId": "photo",
    "moves.after": "photo", "album_id": "album", "albumId": "album", "duplicate_id": "duplicate", "ids": "duplicate",
    "bulk_action_id": "bulk_action", "family_id": "family", "familyId": "family", "invitation_id": "invitation",
    "member_id": "user", "session_id": "session", "job_id": "job", "order_id": "order", "export_id": "export",
}  # fmt: skip
"""What an id in this place is of: names of path and query parameters, and of fields of bodies."""

NO_IDS = {
    "page", "limit", "sortBy", "sortOrder", "status", "size", "text", "q", "cursor", "lane", "action", "permanent",
    "purpose", "partner", "email", "password", "deviceName", "username", "fullName", "country", "privacyAccepted",
    "consents", "cookies", "currentPassword", "newPassword", "granted", "version", "name", "description", "role",
    "favourite", "sha256", "fileName", "partnerConsent", "title", "music", "seconds", "instructions", "style", "type",
    "timestamp", "data", "visibility", "originals", "shared", "dateFrom", "dateTo", "minQuality", "maxQuality",
    "mediaType", "camera", "hasDuplicates", "refreshToken", "moves", "groupKeeper", "similar", "days",
}  # fmt: skip
"""Places that hold no id."""

SECRETS = {"token"}
"""Signed or random: what a forged one does is tested where they are made."""

BODIES: dict[str, dict[str, Any]] = {
    "PUT /families/{family_id}": {"name": "Other"},
    "POST /families/{family_id}/invitations": {"role": "member"},
    "PUT /families/{family_id}/members/{member_id}": {"role": "viewer"},
    "POST /photos/batch-action": {"action": "add_to_album", "photoIds": ["{photo}"], "albumId": "{album}"},
    "PUT /photos/{photo_id}/favourite": {"favourite": True},
    "PUT /albums/{album_id}": {"coverPhotoId": "{photo}"},
    "POST /albums/{album_id}/photos": {"photoIds": ["{photo}"]},
    "POST /albums/{album_id}/photos/remove": {"photoIds": ["{photo}"]},
    "PUT /albums/{album_id}/order": {"photoIds": ["{photo}"]},
    "POST /albums/{album_id}/shares": {"familyId": "{family}", "visibility": "family"},
    "POST /duplicates/{duplicate_id}/action": {"action": "kept_both"},
    "POST /duplicates/bulk-action": {"ids": ["{duplicate}"], "action": "kept_both"},
    "PUT /curation/moments": {"add": ["{photo}"]},
    "POST /integrations/memopyk/create-film": {"photoIds": ["{photo}"], "partnerConsent": True, "title": "Film"},
    "POST /integrations/photall/send-for-retouch": {
        "photoIds": ["{photo}"], "partnerConsent": True, "instructions": "Lighter",
    },
}  # fmt: skip
"""A body for each operation that needs one beside its ids; ``{photo}`` stands for a photo of the caller's."""

ALONE = {
    "PUT /curation/moments": {"remove": {"remove": ["{photo}"]}, "order": {"order": ["{photo}"]}},
    "POST /duplicates/bulk-action": {
        "groupKeeper.photoId": {"groupKeeper": {"photoId": "{photo}", "similar": False}, "action": "kept_both"},
    },
    "PUT /albums/{album_id}/order": {
        "moves.photoId": {"moves": [{"photoId": "{photo}", "after": None}]},
        "moves.after": {"moves": [{"photoId": "{photo}", "after": "{photo}"}]},
    },
}  # fmt: skip
"""Bodies for places that can't be filled beside the others."""


OTHERWISE = {
    "PUT /albums/{album_id} coverPhotoId": 400,
    "PUT /albums/{album_id}/order photoIds": 409,
    "POST /albums/{album_id}/photos/remove photoIds": 200,
    "PUT /curation/moments order": 400,
    "GET /jobs photoId": 200,
}
"""What an id that never was is answered with where that isn't 404: the set it is looked for in is the caller's own."""

QUERIES = {"GET /exports/{export_id}/download": {"token": "forged"}}
"""Parameters that an operation needs beside its ids."""


@dataclass(frozen=True)
class Place:
    """Where an id goes in an operation."""

    method: str
    path: str
    where: str
    name: str

    @property
    def operation(self) -> str:
        return f"{self.method} {self.path}"

    def __str__(self) -> str:
        return f"{self.operation} {self.name}"


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        _, kind, name = schema["$ref"].removeprefix("#/").split("/")
        schema = DOCUMENT["components"][kind][name]
    options = [_resolved(option) for option in schema.get("anyOf", []) if option.get("type") != "null"]
    return options[0] if len(options) == 1 else schema


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    """Names of a body's fields, those of objects in it with a dot."""
    for name, field in _resolved(schema).get("properties", {}).items():
        yield name
        inner = _resolved(field)
        inner = _resolved(inner["items"]) if inner.get("type") == "array" else inner
        yield from (f"{name}.{further}" for further in inner.get("properties", {}))


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, found in DOCUMENT["paths"].items():
        for method, operation in found.items():
            if path.startswith("/api/v1"):
                yield method.upper(), path.removeprefix("/api/v1"), operation


def all_places() -> Iterator[Place]:
    for method, path, operation in operations():
        for parameter in map(_resolved, operation.get("parameters", ())):
            if parameter["in"] in ("path", "query"):
                yield Place(method, path, parameter["in"], parameter["name"])
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        for name in _fields(content["schema"]) if content else ():
            yield Place(method, path, "body", name)


def places() -> list[Place]:
    return [place for place in all_places() if place.name in KINDS]


def test_every_place_is_known() -> None:
    known = KINDS.keys() | NO_IDS | SECRETS
    unknown = [str(place) for place in all_places() if place.name not in known and "." not in place.name]
    assert unknown == [], "say in KINDS what these ids are of, or in NO_IDS that they are none"


@dataclass
class Two:
    """Somebody who tries, and somebody whose things are tried."""

    caller: Person
    mine: Things
    owner: Person
    theirs: Things

    def number(self, kind: str, which: str) -> Any:
        if which == "foreign":
            return self.theirs.here[kind]
        if which == "gone":
            return self.mine.gone[kind]
        return str(uuid4()) if kind == "bulk_action" else NEVER

    def outcome(self, place: Place, which: str) -> tuple[int, str]:
        """The answer to the operation with this id in this place, and the caller's own in all others."""
        number = self.number(KINDS[place.name], which)
        here = {**self.mine.here}
        path = re.sub(r"{(\w+)}", lambda m: str(self._filled(m[1], place, number, here)), place.path)
        params = QUERIES.get(place.operation, {}) | ({place.name: number} if place.where == "query" else {})
        body = ALONE.get(place.operation, {}).get(place.name) or BODIES.get(place.operation)
        content = None
        if body is not None:
            content = _with(body, place.name if place.where == "body" else None, number, here)
        answer = self.caller.ask(place.method, f"/api/v1{path}", params=params, json=content)
        text = re.sub(rf"\b{re.escape(str(number))}\b", "ID", answer.text)
        return answer.status_code, text

    def _filled(self, name: str, place: Place, number: Any, here: dict[str, Any]) -> Any:
        return number if place.where == "path" and place.name == name else here[KINDS[name]]


def _with(body: dict[str, Any], place: str | None, number: Any, here: dict[str, Any]) -> Any:
    """The body with the caller's own ids, and ``number`` in the place."""

    def filled(value: Any, at: str) -> Any:
        if isinstance(value, dict):
            return {name: filled(inner, f"{at}.{name}" if at else name) for name, inner in value.items()}
        if isinstance(value, list):
            return [filled(inner, at) for inner in value]
        if at == place:
            return number
        own = re.fullmatch(r"{(\w+)}", value) if isinstance(value, str) else None
        return here[own[1]] if own else value

    return filled(body, "")


@pytest.fixture(scope="module")
async def two(stack: Stack) -> Two:
    caller, owner = Person(stack.gateway), Person(stack.gateway)
    mine, theirs = kinds_made(caller, 100), kinds_made(owner, 200)
    for person, things in ((caller, mine), (owner, theirs)):
        await eventually(partial(processed_too, person, things), 120)
        decide(person, things)
        await eventually(partial(decision_is_known, person), 30)
    return Two(caller, mine, owner, theirs)


@pytest.mark.parametrize("place", places(), ids=str)
async def test_an_id_that_is_not_mine_is_one_that_never_was(two: Two, place: Place) -> None:
    before = shown_to(two.owner)
    never = two.outcome(place, "never")
    assert never[0] == OTHERWISE.get(str(place), 404), never
    for which in ("foreign", "gone"):
        if which == "gone" and KINDS[place.name] not in two.mine.gone:
            continue
        assert two.outcome(place, which) == never, which
    assert shown_to(two.owner) == before


async def test_there_is_something_to_take(two: Two) -> None:
    """All of the above would pass for a caller whom nothing answers."""
    for path in ("/photos/{photo}", "/albums/{album}", "/families/{family}", "/integrations/orders/{order}"):
        assert two.caller.ask("GET", f"/api/v1{path.format(**two.mine.here)}").status_code == 200
        assert two.owner.ask("GET", f"/api/v1{path.format(**two.theirs.here)}").status_code == 200
