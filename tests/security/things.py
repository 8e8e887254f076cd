"""What two users own, by the kinds of ids that the API has: for trying one's ids as the other."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from tests.security.people import PASSWORD, Person

NEVER = 9_007_199_254_740_881
"""An id that nothing has."""


@dataclass
class Things:
    """One user's own: kind → an id. ``gone`` are ids of things that this user has deleted."""

    here: dict[str, Any] = field(default_factory=dict)
    gone: dict[str, Any] = field(default_factory=dict)


def picture(seed: int, quality: int = 90) -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def upload(person: Person, name: str, data: bytes) -> int:
    (result,) = person.call("POST", "/photos/upload", files={"files": (name, data, "image/jpeg")})
    return int(result["photo"]["id"])


def kinds_made(person: Person, seed: int) -> Things:
    """Makes one thing of each kind and, where a thing can be deleted, another one that is deleted again."""
    things = Things()
    here, gone = things.here, things.gone
    here["photo"] = upload(person, "first.jpg", picture(seed))
    upload(person, "copy.jpg", picture(seed, 60))
    gone["photo"] = upload(person, "gone.jpg", picture(seed + 1))
    upload(person, "broken.jpg", picture(seed + 2)[:200] + b"\0" * 4000)
    person.call("DELETE", f"/photos/{gone['photo']}", params={"permanent": "true"})
    for kind, path in (("album", "/albums"), ("family", "/families")):
        here[kind], gone[kind] = (person.call("POST", path, json={"name": kind})["id"] for _ in range(2))
        person.call("DELETE", f"{path}/{gone[kind]}")
    person.call("POST", f"/albums/{here['album']}/photos", json={"photoIds": [here["photo"]]})
    invitations = f"/families/{here['family']}/invitations"
    here["invitation"], gone["invitation"] = (
        person.call("POST", invitations, json={"role": "member"})["id"] for _ in range(2)
    )
    person.call("DELETE", f"{invitations}/{gone['invitation']}")
    film = {"photoIds": [here["photo"]], "partnerConsent": True, "title": "Film"}
    here["order"] = person.call("POST", "/integrations/memopyk/create-film", json=film)["id"]
    here["user"] = person.user_id
    _sessions(person, things)
    _exports(person, things)
    return things


def _sessions(person: Person, things: Things) -> None:
    login = {"email": person.email, "password": PASSWORD}
    for _ in range(2):
        person.call("POST", "/auth/login", json=login)
    others = [session["id"] for session in person.call("GET", "/auth/sessions") if not session["current"]]
    things.here["session"], things.gone["session"] = others
    person.call("DELETE", f"/auth/sessions/{things.gone['session']}")


def _exports(person: Person, things: Things) -> None:
    things.gone["export"] = person.call("POST", "/exports")["id"]
    person.call("DELETE", f"/exports/{things.gone['export']}")
    things.here["export"] = person.call("POST", "/exports")["id"]


def processed_too(person: Person, things: Things) -> bool:
    """Adds the ids that processing makes: false while it goes on."""
    if person.call("GET", "/jobs/progress")["pending"] or not person.call("GET", "/curation/moments")["upToDate"]:
        return False
    duplicates = person.call("GET", "/duplicates")
    jobs = person.call("GET", "/jobs", params={"status": "failed"})
    exports = person.call("GET", "/exports")
    if not duplicates or not jobs or any(export["status"] in ("queued", "building") for export in exports):
        return False
    things.here["duplicate"] = duplicates[0]["id"]
    things.here["job"] = jobs[0]["id"]
    return True


def decide(person: Person, things: Things) -> None:
    said = {"ids": [things.here["duplicate"]], "action": "kept_both"}
    things.here["bulk_action"] = person.call("POST", "/duplicates/bulk-action", json=said)["bulkActionId"]


def decision_is_known(person: Person) -> bool:
    """Whether the photos service has heard of it: from here on nothing changes by itself."""
    return not any(photo["hasDuplicates"] for photo in person.call("GET", "/photos"))


SHOWN = (
    "/photos", "/photos/trash", "/photos/usage", "/albums", "/duplicates", "/duplicates/groups", "/curation/moments",
    "/families", "/auth/sessions", "/auth/me", "/auth/consents", "/exports", "/jobs", "/integrations/status",
)  # fmt: skip
_MOVES_BY_ITSELF = {"lastUsedAt", "upToDate", "updatedAt", "downloadUrl", "attempts"}
"""What changes without anybody's doing."""


def shown_to(person: Person) -> dict[str, Any]:
    """All that a user sees of the own things."""
    return {path: _steady(person.call("GET", path)) for path in SHOWN}


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _steady(inner) for name, inner in value.items() if name not in _MOVES_BY_ITSELF}
    return [_steady(inner) for inner in value] if isinstance(value, list) else value
