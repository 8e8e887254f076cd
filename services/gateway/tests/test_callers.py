"""Who is calling is found out once, and only where somebody wants to know does a bad token matter."""

import pytest
from mizzap_common.contracts import accounts, library, requests


@pytest.mark.parametrize("by", ["header", "cookie"])
async def test_a_token_is_verified_once_a_request(gateway, user_id, monkeypatch, by) -> None:
    tokens = gateway.app.state.parts.tokens
    verified = 0
    verify = tokens.verify

    async def counted(token: str) -> object:
        nonlocal verified
        verified += 1
        return await verify(token)

    monkeypatch.setattr(tokens, "verify", counted)
    gateway.others.say(requests.PHOTOS_PRECHECK, library.KnownHashes(known=[]))
    cookie = {"Cookie": f"__Host-mizzap_access={gateway.signer.token(user_id)}", "Origin": gateway.url}
    headers = {"Idempotency-Key": "one", **(gateway.login(user_id) if by == "header" else cookie)}
    answer = await gateway.http.post("/api/v1/photos/precheck", json={"sha256": []}, headers=headers)
    assert answer.status_code == 200
    assert verified == 1


@pytest.mark.parametrize("header", ["Bearer x.y.z", "Basic abc", "Bearer", ""])
async def test_a_bad_token_does_not_matter_where_none_is_needed(gateway, error_of, header) -> None:
    user = accounts.User(
        id=5, email="u@mizzap.test", username=None, full_name=None, country="FR", privacy_accepted=False,
        created_at="2025-10-23T10:00:00Z",
    )  # fmt: skip
    session = accounts.Session(user=user, access_token="a", refresh_token="r", expires_in=1, refresh_expires_in=2)
    gateway.others.say(requests.AUTH_LOGIN, session)
    body = {"email": "u@mizzap.test", "password": "x"}
    answer = await gateway.http.post("/api/v1/auth/login", json=body, headers={"Authorization": header})
    assert answer.status_code == 200
    refused = await gateway.http.get("/api/v1/photos/1", headers={"Authorization": header})
    assert refused.status_code == 401
    assert error_of(refused)["code"] == ("INVALID_TOKEN" if header.startswith("Bearer x") else "UNAUTHORIZED")
    assert refused.headers["WWW-Authenticate"] == "Bearer"
