"""Where the answers to repeated requests lie, nobody can read them but who asks the same again."""

from uuid import uuid4

import pytest
from mizzap_common.contracts import accounts, requests, shared_state
from mizzap_gateway.kept_answers import OtherRequest, read_record
from mizzap_gateway.seals import Answer, Seal
from nats.js.errors import NoKeysError
from nats.js.kv import KeyValue


async def test_nothing_can_be_read_where_the_answers_lie(gateway) -> None:
    key = str(uuid4())
    user = accounts.User(
        id=5, email="canary@mizzap.test", username=None, full_name=None, country="FR", privacy_accepted=False,
        created_at="2025-10-23T10:00:00Z",
    )  # fmt: skip
    session = accounts.Session(
        user=user, access_token="CANARY-TOKEN", refresh_token="CANARY-REFRESH", expires_in=1, refresh_expires_in=2
    )
    gateway.others.say(requests.AUTH_LOGIN, session)
    body = {"email": "canary@mizzap.test", "password": "CANARY-PASSWORD"}
    bucket = await gateway.bus.jetstream.key_value(shared_state.ANSWERS.name)
    before = await _names(bucket)
    for replayed in (None, "true"):
        answer = await gateway.http.post("/api/v1/auth/login", json=body, headers={"Idempotency-Key": key})
        assert answer.json()["data"]["accessToken"] == "CANARY-TOKEN"
        assert answer.headers.get("Idempotency-Replayed") == replayed
    (name,) = await _names(bucket) - before
    record = (await bucket.get(name)).value or b""
    assert len(record) > 200
    for secret in (b"CANARY", b"canary", key.encode(), key[:8].encode()):
        assert secret not in record and secret not in name.encode()


async def _names(bucket: KeyValue) -> set[str]:
    try:
        return set(await bucket.keys())
    except NoKeysError:
        return set()


def test_a_seal_opens_for_the_same_request_alone() -> None:
    answer = Answer(201, [(b"content-type", b"application/json")], b'{"a": 1}' * 1000)
    seal = Seal("key", b"user:1 POST /x ", b"h" * 32)
    record = b"k" + seal.close(answer.to_bytes())
    assert read_record(record, seal) == answer
    for other in (
        Seal("kez", b"user:1 POST /x ", b"h" * 32), Seal("key", b"user:2 POST /x ", b"h" * 32),
        Seal("key", b"user:1 POST /x ", b"i" * 32),
    ):  # fmt: skip
        with pytest.raises(OtherRequest):
            read_record(record, other)
