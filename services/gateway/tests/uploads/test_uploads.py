"""Uploads over a real socket into the real store."""

import hashlib

import pytest
from mizzap_common.contracts import requests
from mizzap_common.errors import Conflict
from mizzap_common.storage import PART_BYTES, original_key


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def test_stores_photos_under_their_hash_and_registers_them(gateway, user_id, form, jpeg, send) -> None:
    first, second = jpeg(), jpeg()
    response = await send(form.photo("a/IMG_1.jpg", first).file("no hash sent.jpg", second))

    assert response.status_code == 201
    results = response.json()["data"]
    assert [(r["fileName"], r["status"], r["error"]) for r in results] == [
        ("a/IMG_1.jpg", "stored", None),
        ("no hash sent.jpg", "stored", None),
    ]
    assert await gateway.keys_under(user_id) == sorted(original_key(user_id, sha256(d)) for d in (first, second))
    assert await gateway.storage.get(original_key(user_id, sha256(second))) == second
    registered = gateway.photos.registered
    assert [(r.user_id, r.sha256, r.md5, r.mime_type, r.size_bytes) for r in registered] == [
        (user_id, sha256(data), hashlib.md5(data).hexdigest(), "image/jpeg", len(data)) for data in (first, second)
    ]


async def test_the_same_file_again_is_known(gateway, form, jpeg, send) -> None:
    data = jpeg()
    await send(form.photo("a.jpg", data))
    response = await send(form)
    assert response.status_code == 201
    assert [r["status"] for r in response.json()["data"]] == ["known"]


@pytest.mark.parametrize("announced", [True, False], ids=["hash announced", "no hash"])
@pytest.mark.parametrize("size", [PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 5])
async def test_stores_every_byte_at_the_edges_of_parts(gateway, user_id, form, jpeg, send, size, announced) -> None:
    data = jpeg(size)
    assert (await send(form.file("a.jpg", data, sha256(data) if announced else None))).status_code == 201
    assert sha256(await gateway.storage.get(original_key(user_id, sha256(data)))) == sha256(data)
    assert await gateway.keys_under(user_id) == [original_key(user_id, sha256(data))]


@pytest.mark.parametrize("size", [1000, PART_BYTES, 2 * PART_BYTES + 5])
async def test_wrong_bytes_leave_nothing(gateway, user_id, form, jpeg, send, error_of, size) -> None:
    data = jpeg(size)
    response = await send(form.file("a.jpg", data[:-1] + b"!", sha256(data)))
    assert response.status_code == 422
    error = error_of(response)
    assert error["code"] == "HASH_MISMATCH"
    assert error["details"]["files"][0]["fileName"] == "a.jpg"
    assert await gateway.keys_under(user_id) == []
    assert await gateway.unfinished_uploads(user_id) == 0
    assert gateway.photos.registered == []


@pytest.mark.parametrize("size", [1000, 2 * PART_BYTES + 5])
async def test_wrong_bytes_do_not_replace_good_ones(gateway, user_id, form, jpeg, send, size) -> None:
    data = jpeg(size)
    await send(form.photo("a.jpg", data))
    form.body = b""
    assert (await send(form.file("b.jpg", data[:-1] + b"!", sha256(data)))).status_code == 422
    assert await gateway.storage.get(original_key(user_id, sha256(data))) == data


async def test_refused_files_do_not_stop_the_others(gateway, user_id, form, jpeg, send) -> None:
    good, large_text = jpeg(), b"just text " * 100_000
    form.file("notes.txt", large_text).file("empty.jpg", b"").file("clip.mp4", b"\0\0\0\x18ftypisom" + bytes(80))
    form.file("", jpeg()).file("x" * 256, jpeg()).file("tab\there.jpg", jpeg()).file("h.jpg", jpeg(), "not a hash")
    response = await send(form.photo("good.jpg", good))

    assert response.status_code == 201
    results = response.json()["data"]
    assert [(r["status"], r["error"] and r["error"]["code"]) for r in results] == [
        ("failed", "MEDIA_UNSUPPORTED"),
        ("failed", "FILE_EMPTY"),
        ("failed", "MEDIA_UNSUPPORTED"),
        ("failed", "INVALID_INPUT"),
        ("failed", "INVALID_INPUT"),
        ("failed", "INVALID_INPUT"),
        ("failed", "INVALID_INPUT"),
        ("stored", None),
    ]
    assert "ideo" in results[2]["error"]["message"]
    assert await gateway.keys_under(user_id) == [original_key(user_id, sha256(good))]


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [(b"text", 415, "MEDIA_UNSUPPORTED"), (b"", 422, "FILE_EMPTY"), (b"<svg/>", 415, "MEDIA_UNSUPPORTED")],
)
async def test_a_form_of_refused_files_is_refused(form, send, error_of, data, status, code) -> None:
    response = await send(form.file("a.jpg", data))
    assert response.status_code == status
    assert error_of(response)["code"] == code


async def test_limits_of_size_and_number(start_gateway, user_id, form, jpeg, send, error_of) -> None:
    async with start_gateway(max_upload_bytes=2000, max_files=3) as small:
        response = await send(form.file("large.jpg", jpeg(2001)).file("fits.jpg", jpeg(2000)), small)
        assert [r["error"] and r["error"]["code"] for r in response.json()["data"]] == ["TOO_LARGE", None]
        assert len(await small.keys_under(user_id)) == 1
        form.body = b""
        assert (await send(form.file("large.jpg", jpeg(2001)), small)).status_code == 413
        for number in range(3):
            form.file(f"{number}.jpg", jpeg())
        response = await send(form, small)
        assert response.status_code == 400
        assert len(error_of(response)["details"]["files"]) == 3


async def test_a_hash_names_only_the_next_file(gateway, user_id, form, jpeg, send) -> None:
    first, second = jpeg(), jpeg()
    response = await send(form.photo("a.jpg", first).file("b.jpg", second))
    assert [r["status"] for r in response.json()["data"]] == ["stored", "stored"]


async def test_names_are_kept_as_given(gateway, form, jpeg, send) -> None:
    names = ["été à la mer/IMG 1.jpg", "日本/写真.jpg", "a'b & c.jpg", "..\\..\\x.jpg", "100%.jpg"]
    for name in names:
        form.file(name, jpeg())
    response = await send(form)
    assert [r["fileName"] for r in response.json()["data"]] == names


async def test_what_the_photos_service_refuses_is_said(gateway, form, jpeg, send, error_of) -> None:
    gateway.others.say(requests.PHOTOS_REGISTER, Conflict("Please upload it again.", code="UPLOAD_AGAIN"))
    response = await send(form.photo("a.jpg", jpeg()))
    assert response.status_code == 409
    assert error_of(response)["code"] == "UPLOAD_AGAIN"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary at all",
        b'--b0undary\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n\xff\xd8\xff cut off',
        b"--b0undary\r\nNonsense\r\n\r\n",
        b"--b0undary--\r\n",
        b'--b0undary\r\nContent-Disposition: form-data; name="other"\r\n\r\n1\r\n--b0undary--\r\n',
        b'--b0undary\r\nContent-Disposition: form-data; name="sha256"\r\n\r\n' + b"0" * 5000 + b"\r\n--b0undary--\r\n",
        b'--b0undary\r\nContent-Disposition: form-data; name="files"; filename="' + b"a" * 9000 + b'"\r\n\r\n',
    ],
)
async def test_malformed_forms_are_refused(gateway, user_id, form, error_of, body) -> None:
    headers = {**form.headers, **gateway.login(user_id)}
    response = await gateway.http.post("/api/v1/photos/upload", content=body, headers=headers)
    assert response.status_code == 400
    assert error_of(response)["code"] == "INVALID_INPUT"
    assert await gateway.keys_under(user_id) == []


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/form-data", "multipart/mixed; boundary=b"])
async def test_other_content_types_are_refused(gateway, user_id, error_of, content_type) -> None:
    headers = {"Content-Type": content_type, **gateway.login(user_id)}
    response = await gateway.http.post("/api/v1/photos/upload", content=b"x", headers=headers)
    assert response.status_code == 400
    assert "multipart/form-data" in error_of(response)["message"]


async def test_without_a_token_nothing_is_stored_and_even_a_large_upload_is_told_so(gateway, form, jpeg) -> None:
    response = await gateway.http.post(
        "/api/v1/photos/upload", content=form.photo("a.jpg", jpeg(20 << 20)).whole, headers=form.headers
    )
    assert response.status_code == 401
    assert gateway.photos.registered == []


async def test_a_store_that_is_down_is_said_and_nothing_registered(
    start_gateway, user_id, form, jpeg, send, error_of, servers
) -> None:
    async with start_gateway() as gateway:
        gateway.photos.clear()
        servers.kill("s3")
        try:
            response = await send(form.photo("a.jpg", jpeg()), gateway)
        finally:
            servers.restart("s3")
        assert response.status_code == 503
        assert error_of(response)["code"] == "UNAVAILABLE"
        assert response.headers["Retry-After"]
        assert gateway.photos.registered == []
        assert (await send(form, gateway)).status_code == 201


async def test_what_can_not_fit_is_not_taken_in(gateway, user_id, form, jpeg, send, error_of) -> None:
    gateway.photos.free_bytes = 2000
    response = await send(form.photo("large.jpg", jpeg(PART_BYTES)).photo("fits.jpg", jpeg(2000)))
    assert [r["error"] and r["error"]["code"] for r in response.json()["data"]] == ["QUOTA_EXCEEDED", None]
    assert len(await gateway.keys_under(user_id)) == 1
    form.body = b""
    response = await send(form.photo("large.jpg", jpeg(2001)))
    assert (response.status_code, error_of(response)["code"]) == (413, "QUOTA_EXCEEDED")
    assert await gateway.unfinished_uploads(user_id) == 0
    # without a hash nobody knows whether the bytes are there already: the photos service decides
    form.body = b""
    assert (await send(form.file("large.jpg", jpeg(2001)))).status_code == 201
