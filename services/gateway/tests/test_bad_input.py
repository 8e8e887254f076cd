"""What is wrong with a request is said before anybody is asked."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from mizzap_common.contracts import requests
from mizzap_common.errors import NotFound

PATHS = json.loads((Path(__file__).resolve().parents[3] / "docs" / "openapi.json").read_text())["paths"]
CREDENTIALS = {"email": "u@mizzap.test", "password": "correct horse"}
SHA = "ab" * 32


@pytest.mark.parametrize("bad", ["0", "-1", "abc", str(2**63), "9" * 5000, "1.5", "%00", "１e3"])
async def test_ids_out_of_range_are_refused(ask, error_of, bad) -> None:
    for method, path in (("GET", "/photos/{}"), ("DELETE", "/photos/{}"), ("GET", "/photos/{}/thumbnail"),
                         ("GET", "/albums/{}"), ("GET", "/albums/{}/photos/1/original"),
                         ("GET", "/albums/1/photos/{}/thumbnail"), ("DELETE", "/albums/1/shares/{}"), ("DELETE", "/albums/1/photos/{}")):  # fmt: skip
        response = await ask(method, path.format(bad))
        assert response.status_code in (400, 404)
        assert error_of(response)["code"] in ("INVALID_INPUT", "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/photos?page=0", None),
        ("GET", "/photos?limit=101", None),
        ("GET", "/photos?sortBy=password", None),
        ("GET", "/photos?page=99999999999999999999999", None),
        ("GET", "/photos?dateFrom=yesterday", None),
        ("GET", "/photos?minQuality=nan", None),
        ("GET", "/photos?maxQuality=1.1", None),
        ("GET", "/photos?mediaType=%25", None),
        ("GET", "/photos?q=%00", None),
        ("GET", "/photos?q=", None),
        ("GET", "/photos?camera=a%00b", None),
        ("GET", "/photos?albumId=0", None),
        ("GET", "/changes?limit=201", None),
        ("GET", "/jobs?photoId=0", None),
        ("GET", "/duplicates?action=deleted", None),
        ("GET", "/photos/1/thumbnail?size=300", None),
        ("GET", "/duplicates/groups?action=rejected", None),
        ("GET", "/photos/1/similar?limit=101", None),
        ("GET", "/search", None),
        ("GET", "/search?text=%20", None),
        ("POST", "/duplicates/bulk-action", {"ids": [], "action": "confirmed"}),
        ("POST", "/duplicates/bulk-action", {"ids": list(range(1, 502)), "action": "confirmed"}),
        ("POST", "/duplicates/bulk-action", {"action": "confirmed"}),
        ("POST", "/duplicates/bulk-action", {"ids": [1], "groupKeeper": {"photoId": 1}, "action": "confirmed"}),
        ("POST", "/duplicates/bulk-action", {"ids": [1], "action": "deleted"}),
        ("POST", "/duplicates/bulk-action/5/undo", None),
        ("POST", "/integrations/memopyk/create-film", {"title": " ", "photoIds": [1], "partnerConsent": True}),
        ("POST", "/integrations/memopyk/create-film", {"title": "x", "photoIds": [], "partnerConsent": True}),
        ("POST", "/integrations/memopyk/create-film", {"title": "x", "seconds": 5}),
        ("POST", "/integrations/photall/send-for-retouch", {"instructions": "x", "style": "none"}),
        ("POST", "/integrations/photall/send-for-retouch", {"instructions": "a\0b"}),
        ("POST", "/photos/precheck", {"sha256": ["xyz"]}),
        ("POST", "/photos/precheck", {"sha256": [SHA] * 1001}),
        ("POST", "/photos/precheck", {"sha256": [SHA], "userId": 1}),
        ("POST", "/photos/precheck", [1]),
        ("POST", "/photos/precheck", None),
        ("POST", "/photos/adopt", {"fileName": "a\0b", "sha256": SHA}),
        ("POST", "/photos/adopt", {"fileName": "a" * 256, "sha256": SHA}),
        ("POST", "/photos/batch-action", {"action": "delete", "photoIds": []}),
        ("POST", "/photos/batch-action", {"action": "delete", "photoIds": list(range(1, 502))}),
        ("POST", "/photos/batch-action", {"action": "burn", "photoIds": [1]}),
        ("POST", "/photos/batch-action", {"action": "delete", "photoIds": [1], "albumId": 1}),
        ("POST", "/photos/batch-action", {"action": "add_to_album", "photoIds": [1]}),
        ("PUT", "/photos/1/favourite", {}),
        ("DELETE", "/photos/1?permanent=perhaps", None),
        ("POST", "/albums", {"name": "a\0b"}),
        ("POST", "/albums", {"name": "   "}),
        ("POST", "/albums", {"name": "a\ud800"}),
        ("POST", "/albums", {"name": "x", "\ud800": 1}),
        ("POST", "/albums", {"name": "x", "visibility": "shared"}),
        ("POST", "/albums/1/photos", {"photoIds": [2**63]}),
        ("POST", "/albums/1/photos", {"photoIds": []}),
        ("POST", "/albums/1/photos/remove", {"photoIds": []}),
        ("POST", "/albums/1/photos/remove", {"photoIds": list(range(1, 502))}),
        ("PUT", "/albums/1/order", {}),
        ("PUT", "/albums/1/order", {"photoIds": [1], "moves": [{"photoId": 1, "after": None}]}),
        ("PUT", "/albums/1/order", {"moves": [{"photoId": 1}]}),
        ("PUT", "/albums/1/order", {"moves": [{"photoId": 1, "after": 1}]}),
        ("PUT", "/albums/1/order", {"photoIds": list(range(1, 1002))}),
        ("PUT", "/albums/1/order", {"photoIds": [1], "ifMatch": "*"}),
        ("PUT", "/albums/1", {"clearCover": True}),
        ("GET", "/albums?shared=perhaps", None),
        ("POST", "/albums/1/shares", {"visibility": "family"}),
        ("POST", "/albums/1/shares", {"familyId": 1, "visibility": "public"}),
        ("POST", "/albums/1/shares", {"familyId": 1, "role": "owner"}),
        ("GET", "/albums/1/photos/1/thumbnail?size=300", None),
        ("PUT", "/curation/moments", {"add": list(range(1, 30))}),
        ("POST", "/auth/register", {"email": "u@mizzap.test"}),
        ("POST", "/auth/register", {**CREDENTIALS, "country": "fr"}),
        ("POST", "/auth/register", {**CREDENTIALS, "id": 1}),
        ("POST", "/auth/register", {**CREDENTIALS, "consents": {"ai": "perhaps"}}),
        ("PUT", "/auth/consents/everything", {"granted": True, "version": "1"}),
        ("PUT", "/auth/consents/ai", {"granted": True}),
        ("POST", "/families/1/invitations", {"role": "owner"}),
        ("PUT", "/families/1/members/2", {"role": "king"}),
        ("POST", "/auth/register", {**CREDENTIALS, "tier": "premium"}),
        ("POST", "/auth/login", {**CREDENTIALS, "cookies": "perhaps"}),
        ("POST", "/auth/login", {**CREDENTIALS, "deviceName": "a\nb"}),
        ("POST", "/auth/login", {**CREDENTIALS, "password": "x" * 1025}),
        ("POST", "/auth/login", {**CREDENTIALS, "password": "SECRET \ud800"}),
        ("POST", "/auth/register", {**CREDENTIALS, "password": "SECRET \ud800"}),
        ("POST", "/auth/password", {"currentPassword": "SECRET \udfff", "newPassword": "correct horse"}),
        ("POST", "/auth/refresh", {"refreshToken": ""}),
        ("POST", "/auth/refresh", {"refreshToken": "\ud800"}),
        ("POST", "/auth/refresh", {}),
        ("PUT", "/auth/profile", {"country": "France"}),
        ("PUT", "/auth/profile", {"email": "other@mizzap.test"}),
        ("PUT", "/auth/profile", {"tier": "premium"}),
        ("PUT", "/auth/profile", {"username": "x" * 101}),
        ("POST", "/auth/password", {"currentPassword": "correct horse"}),
        ("POST", "/auth/password", {"currentPassword": "SECRET", "newPassword": "x" * 1025}),
        ("DELETE", "/auth/sessions/0", None),
        ("GET", "/auth/sessions?limit=101", None),
        ("POST", "/auth/login", {"email": 5, "password": "SECRET-IN-THE-BODY"}),
    ],
)
async def test_bad_input_is_refused_before_anybody_is_asked(gateway, ask, error_of, method, path, body) -> None:
    response = await ask(method, path, body)
    assert response.status_code == 400
    error = error_of(response)
    assert error["code"] == "INVALID_INPUT"
    assert error["details"]["field"]
    assert "SECRET" not in response.text
    assert {subject for subject, _ in gateway.others.asked} <= {"rpc.auth.keys", "rpc.auth.session", "rpc.dedup.model"}


def _texts() -> list[tuple[str, str]]:
    """(method, path with its query) with NUL for each text that the interface takes in either."""
    found = []
    for path, operations in PATHS.items():
        for method, operation in operations.items():
            parameters = [one for one in operation.get("parameters", []) if one.get("in") in ("path", "query")]
            filled = re.sub(r"\{\w+\}", "1", path)
            for one in parameters:
                if '"string"' not in json.dumps(one["schema"]):
                    continue
                if one["in"] == "query":
                    found.append((method.upper(), f"{filled}?{one['name']}=a%00b"))
                else:
                    with_nul = path.replace("{" + one["name"] + "}", "a%00b")
                    found.append((method.upper(), re.sub(r"\{\w+\}", "1", with_nul)))
    return found


@pytest.mark.parametrize(("method", "path"), _texts())
async def test_no_text_in_an_address_may_have_a_nul(gateway, ask, error_of, method, path) -> None:
    # a link's token is whatever it is: the answer is that there is no such file
    gateway.others.say(requests.CURATION_SHARED_FILE, NotFound("There is no such file."))
    response = await ask(method, path.removeprefix("/api/v1"))
    assert response.status_code in (400, 404), "it is what PostgreSQL stores in no text"
    error_of(response)


def _texts_in(example: Any, field: str = "") -> Iterator[tuple[str, Any]]:
    """(a text's field, the example with half a character at its end) for each text of a body."""
    if isinstance(example, str):
        yield field, example + "\ud800"
    elif isinstance(example, dict | list):
        parts = example.items() if isinstance(example, dict) else enumerate(example)
        for name, part in parts:
            for inner, broken in _texts_in(part, f"{field}.{name}".lstrip(".")):
                yield inner, {**example, name: broken} if isinstance(example, dict) else [broken]


def _bodies_with_half_a_character() -> list[Any]:
    """(method, path, body, field) for each text that the interface takes in a body of JSON."""
    found = []
    for path, operations in PATHS.items():
        # a partner's callback is signed as it is, and carried on without being read
        for method, operation in operations.items() if not path.endswith("/callback") else ():
            json_body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            filled = re.sub(r"\{\w+\}", "1", path.replace("{purpose}", "ai")).removeprefix("/api/v1")
            for field, body in _texts_in(json_body["example"]) if json_body else ():
                name = f"{method} {path} {field}"
                found.append(pytest.param(method.upper(), filled, body, field, id=name))
    return found


@pytest.mark.parametrize(("method", "path", "body", "field"), _bodies_with_half_a_character())
async def test_no_text_in_a_body_may_have_half_a_character(gateway, ask, error_of, method, path, body, field) -> None:
    response = await ask(method, path, body)
    assert response.status_code == 400, "JSON can name it, and no message could carry it on"
    assert any(problem["field"].startswith(field) for problem in error_of(response)["details"]["problems"])
    assert {subject for subject, _ in gateway.others.asked} <= {"rpc.auth.keys", "rpc.auth.session", "rpc.dedup.model"}


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 5000, b'{"name": NaN}', b"", b"null"])
async def test_bodies_that_are_no_json_are_refused(gateway, user_id, error_of, body) -> None:
    headers = {"Content-Type": "application/json", **gateway.login(user_id)}
    response = await gateway.http.post("/api/v1/albums", content=body, headers=headers)
    assert response.status_code == 400
    assert error_of(response)["code"] == "INVALID_INPUT"


@pytest.mark.parametrize("announced", [True, False])
async def test_large_bodies_are_refused(gateway, user_id, error_of, announced) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65536

    headers = {"Content-Type": "application/json", **gateway.login(user_id)}
    content = b" " * (2 << 20) if announced else chunks()
    response = await gateway.http.post("/api/v1/albums", content=content, headers=headers)
    assert response.status_code == 413
    assert error_of(response)["code"] == "TOO_LARGE"
