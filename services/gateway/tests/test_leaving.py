"""Leaving through the gateway: the account's deletion, exports, and downloads that go on where they broke off."""

from datetime import UTC, datetime

import jwt
import pytest
from mizzap_common.contracts import erasing, exporting, library, requests
from mizzap_common.errors import NotFound, Unauthorized
from mizzap_gateway.ranges import within

CONTENT = bytes(range(256)) * 4000
ETAG = "a" * 64
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def export(**more) -> exporting.Export:
    fields = dict.fromkeys(exporting.Export.model_fields) | {
        "id": 5, "status": "queued", "photos_done": 0, "photos_total": 0, "bytes_done": 0, "created_at": NOW,
    }  # fmt: skip
    return exporting.Export(**(fields | more))


async def test_the_account_is_deleted_with_its_password(gateway, ask, user_id) -> None:
    closed = erasing.AccountClosed(erasure_id="receipt", requested_at=NOW, gone_by=NOW)
    gateway.others.say(requests.AUTH_CLOSE_ACCOUNT, closed)
    answer = await ask("DELETE", "/auth/account", {"password": "correct horse"})
    assert answer.status_code == 200 and answer.json()["data"]["erasureId"] == "receipt"
    (question,) = gateway.others.questions(requests.AUTH_CLOSE_ACCOUNT)
    assert question.user_id == user_id and question.password.get_secret_value() == "correct horse"


async def test_nothing_of_a_deleted_account_passes_any_more(gateway, user_id) -> None:
    token = gateway.signer.token(user_id)
    session_id = jwt.decode(token, options={"verify_signature": False})["sid"]
    closed = erasing.AccountClosed(
        erasure_id="receipt", requested_at=NOW, gone_by=NOW, session_ids=[int(session_id), 2**40]
    )
    gateway.others.say(requests.AUTH_CLOSE_ACCOUNT, closed)
    gateway.others.say(requests.AUTH_EXPORTS, exporting.Exports(exports=[]))
    cookie = {"Cookie": f"__Host-mizzap_access={token}", "Origin": gateway.url}
    assert (await gateway.http.get("/api/v1/exports", headers=cookie)).status_code == 200
    answer = await gateway.http.request(
        "DELETE", "/api/v1/auth/account", json={"password": "correct horse"}, headers=cookie
    )
    assert answer.status_code == 200 and answer.headers["Clear-Site-Data"] == '"cache"'
    assert {header.partition("=")[0] for header in answer.headers.get_list("set-cookie")} == {
        "__Host-mizzap_access",
        "__Host-mizzap_refresh",
    }
    # no event has told of it: auth's answer alone has to
    assert (await gateway.http.get("/api/v1/exports", headers=cookie)).status_code == 401


@pytest.mark.parametrize("body", [None, {}, {"password": ""}, {"password": "x", "userId": 1}, {"password": "x" * 1025}])
async def test_a_deletion_without_a_password_is_refused(gateway, ask, body) -> None:
    assert (await ask("DELETE", "/auth/account", body)).status_code == 400
    assert gateway.others.questions(requests.AUTH_CLOSE_ACCOUNT) == []


async def test_a_wrong_password_is_401(gateway, ask, error_of) -> None:
    gateway.others.say(requests.AUTH_CLOSE_ACCOUNT, Unauthorized("no", code="INVALID_CREDENTIALS"))
    answer = await ask("DELETE", "/auth/account", {"password": "wrong"})
    assert (answer.status_code, error_of(answer)["code"]) == (401, "INVALID_CREDENTIALS")


async def test_exports_are_asked_for_shown_and_removed(gateway, ask, user_id) -> None:
    gateway.others.say(requests.AUTH_EXPORT_BEGIN, export())
    gateway.others.say(requests.AUTH_EXPORTS, exporting.Exports(exports=[export()]))
    gateway.others.say(requests.AUTH_EXPORT_GET, export(status="ready", download_url="/x"))
    gateway.others.say(requests.AUTH_EXPORT_DELETE, library.Done())
    begun = await ask("POST", "/exports")
    assert (begun.status_code, begun.json()["data"]["status"]) == (202, "queued")
    assert [item["id"] for item in (await ask("GET", "/exports")).json()["data"]] == [5]
    assert (await ask("GET", "/exports/5")).json()["data"]["downloadUrl"] == "/x"
    assert (await ask("DELETE", "/exports/5")).json()["data"] == {"id": 5}
    for method in (requests.AUTH_EXPORT_BEGIN, requests.AUTH_EXPORTS, requests.AUTH_EXPORT_GET):
        assert [question.user_id for question in gateway.others.questions(method)] == [user_id]
    gateway.others.say(requests.AUTH_EXPORT_GET, NotFound("There is no such export."))
    assert (await ask("GET", "/exports/6")).status_code == 404
    assert (await gateway.http.get("/api/v1/exports")).status_code == 401


@pytest.fixture
async def download(gateway, user_id):
    key = f"user-{user_id}/exports/5.1.zip"
    await gateway.storage.put(key, CONTENT, "application/zip")
    stored = library.StoredObject(
        object_key=key, mime_type="application/zip", size_bytes=len(CONTENT), etag=ETAG, file_name="export.zip"
    )
    gateway.others.say(requests.AUTH_EXPORT_OPEN, stored)
    # nobody logs in to download: the link is enough
    return lambda **headers: gateway.http.get(
        "/api/v1/exports/5/download?token=t", headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


async def test_the_whole_file(download) -> None:
    answer = await download()
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["Accept-Ranges"] == "bytes" and answer.headers["ETag"] == f'"{ETAG}"'
    assert "export.zip" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(
    "asked, first, last",
    [("bytes=0-9", 0, 9), ("bytes=1000-", 1000, 1023999), ("bytes=-5", 1023995, 1023999),
     ("bytes=1023999-", 1023999, 1023999), ("bytes=500-99999999", 500, 1023999)],
)  # fmt: skip
async def test_a_part_of_it(download, asked, first, last) -> None:
    for condition in ({}, {"If_Range": f'"{ETAG}"'}):
        answer = await download(Range=asked, **condition)
        assert answer.status_code == 206 and answer.content == CONTENT[first : last + 1]
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"
        assert answer.headers["ETag"] == f'"{ETAG}"'
        assert "Cookie" in answer.headers["Vary"]


@pytest.mark.parametrize("if_range", ['"another"', f'W/"{ETAG}"', "Thu, 01 Jan 2026 00:00:00 GMT"])
async def test_another_file_comes_whole(download, if_range) -> None:
    answer = await download(Range="bytes=10-", If_Range=if_range)
    assert (answer.status_code, len(answer.content)) == (200, len(CONTENT))


@pytest.mark.parametrize("asked", ["bytes=1024000-", "bytes=-0", "bytes=9-5"])
async def test_a_part_that_is_not_there(download, error_of, asked) -> None:
    answer = await download(Range=asked)
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")
    assert error_of(answer)["code"] == "RANGE_NOT_SATISFIABLE"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=a-b", "bytes"])
async def test_what_is_no_single_range_is_ignored(download, asked) -> None:
    assert (await download(Range=asked)).status_code == 200


async def test_a_link_that_is_not_good_is_404(gateway, error_of) -> None:
    gateway.others.say(requests.AUTH_EXPORT_OPEN, NotFound("no", code="LINK_INVALID"))
    answer = await gateway.http.get("/api/v1/exports/5/download?token=x")
    assert (answer.status_code, error_of(answer)["code"]) == (404, "LINK_INVALID")
    assert (await gateway.http.get("/api/v1/exports/5/download")).status_code == 400


def test_ranges_of_an_empty_file() -> None:
    assert within("bytes=0-", 0) is None and within("bytes=-1", 0) is None
