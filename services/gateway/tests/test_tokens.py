"""Forged tokens: none gets in, none makes an error of ours."""

import asyncio
import base64
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from mizzap_common.contracts import accounts
from mizzap_common.errors import Unauthorized, Unavailable
from mizzap_gateway.tokens import Tokens

ME = "/api/v1/photos/1"


def _segment(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _forged(signer) -> dict[str, str]:
    good = signer.token(1)
    head, payload, signature = good.split(".")
    claims = signer.claims(1)
    now = int(time.time())
    stranger = rsa.generate_private_key(65537, 2048)
    public = signer.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    hmac_input = f"{_segment({'alg': 'HS256', 'kid': signer.kid, 'typ': 'JWT'})}.{payload}"
    hmac_signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    stranger_jwk = jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True)

    def by_stranger(**headers: Any) -> str:
        return jwt.encode(claims, stranger, "RS256", {"kid": signer.kid, **headers})

    forged = {
        "empty": "",
        "one segment": "abc",
        "dots": "..",
        "many dots": "." * 500,
        "not base64": "a.b.c",
        "header is a list": f"{_segment([])}.{payload}.{signature}",
        "header is a number": f"{_segment(1)}.{payload}.{signature}",
        "header is deep": f"{_segment(b'[' * 2900)}.e30.AA",
        "header is not UTF-8": f"{_segment(bytes([255, 254]))}.{payload}.{signature}",
        "none": f"{_segment({'alg': 'none'})}.{payload}.",
        "None with kid": f"{_segment({'alg': 'None', 'kid': signer.kid})}.{payload}.{signature}",
        "no algorithm": f"{_segment({'kid': signer.kid})}.{payload}.{signature}",
        "algorithm is a list": f"{_segment({'alg': ['RS256'], 'kid': signer.kid})}.{payload}.{signature}",
        "no signature": f"{head}.{payload}.",
        "short signature": f"{head}.{payload}.{signature[:-8]}",
        "other signature": f"{head}.{payload}.{signer.token(2).split('.')[2]}",
        "other payload": f"{head}.{signer.token(2).split('.')[1]}.{signature}",
        "payload is text": f"{head}.{_segment(b'text')}.{signature}",
        "HS256 with the public key": f"{hmac_input}.{_segment(hmac_signature.sign(hmac_input.encode(), public))}",
        "stranger's key": by_stranger(),
        "stranger's key in the header": by_stranger(jwk=stranger_jwk),
        "jku": by_stranger(jku="http://127.0.0.1:1/keys"),
        "x5u": by_stranger(x5u="http://127.0.0.1:1/cert"),
        "critical extension": signer.token(1, {"crit": ["b64"], "b64": False}),
        "PS256": jwt.encode(claims, signer.key, "PS256", {"kid": signer.kid}),
        "RS512": jwt.encode(claims, signer.key, "RS512", {"kid": signer.kid}),
        "1 MB": good + "A" * 1_000_000,
        "8 KB": good + "A" * 8_000,
        "exp in the past": signer.token(1, exp=now - 60),
        "exp is text": signer.token(1, exp="soon"),
        "exp is infinite": signer.token(1, exp=float("inf")),
        "exp is a list": signer.token(1, exp=[now + 60]),
        "iat in the future": signer.token(1, iat=now + 600),
        "nbf in the future": signer.token(1, nbf=now + 600),
        "iss is a list": signer.token(1, iss=["mizzap"]),
        "aud empty": signer.token(1, aud=[]),
        "jti is a number": signer.token(1, jti=7),
        "two spaces": f" {good}",
    }
    for name in ("exp", "iat", "iss", "aud", "sub", "jti", "sid"):
        forged[f"no {name}"] = signer.token(1, **{name: None})
    for name in ("iss", "aud"):
        forged[f"wrong {name}"] = signer.token(1, **{name: "https://evil.test"})
    for kid in ("", "unknown", "../../etc/passwd", "' OR 1=1 --", "http://127.0.0.1:1/k", "k" * 500):
        forged[f"kid {kid[:20]!r}"] = by_stranger(kid=kid)
    for strange in (None, 7, ["a"], {"a": 1}):
        forged[f"kid {strange!r}"] = f"{_segment({'alg': 'RS256', 'kid': strange})}.{payload}.{signature}"
    for sub in (
        "1",
        "user_",
        "user_0",
        "user_-1",
        "user_01",
        "user_1 ",
        "user_1\n",
        "admin",
        "user_１",
        f"user_{2**63}",
    ):
        forged[f"sub {sub!r}"] = signer.token(1, sub=sub)
    for sid in (1, "", "0", "-1", "01", "1 ", "１", ["1"], {"id": 1}, "../1", "1 OR 1=1", str(2**63)):
        forged[f"sid {sid!r}"] = signer.token(1, sid=sid)
    return forged


async def test_no_forged_token_gets_in(gateway, signer, error_of) -> None:
    forged = _forged(signer)
    assert len(forged) >= 60
    for name, token in forged.items():
        if token == token.strip() != "" and len(token) < 50_000:  # what an HTTP client can send at all
            response = await gateway.http.get(ME, headers={"Authorization": f"Bearer {token}"})
            assert response.status_code == 401, name
            assert error_of(response)["code"] in ("INVALID_TOKEN", "UNAUTHORIZED"), name
            assert response.headers["WWW-Authenticate"] == "Bearer"
        with pytest.raises(Unauthorized):
            await gateway.app.state.parts.tokens.verify(token)
            pytest.fail(name)


async def test_a_megabyte_is_no_token(gateway, signer) -> None:
    """The HTTP server itself refuses headers of more than 64 KiB, in the middle of them."""
    good = signer.token(1)
    for length in (4_097, 60_000, 1_000_000):
        token = good + "A" * (length - len(good))
        try:
            response = await gateway.http.get(ME, headers={"Authorization": f"Bearer {token}"})
        except httpx.TransportError:
            assert length == 1_000_000
        else:
            assert response.status_code == (400 if length == 1_000_000 else 401)
    assert (await gateway.http.get(ME, headers={"Authorization": f"Bearer {good}"})).status_code == 404


async def test_a_good_token_gets_in(gateway, signer) -> None:
    """So that the refusals above refuse what is forged, and not everything."""
    for token in (signer.token(1), signer.token(2**63 - 1), signer.token(1, iat=int(time.time()) + 5)):
        response = await gateway.http.get(ME, headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 404


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic dTpw", "bearer  x", "Token abc"])
async def test_other_authorisation_is_none(gateway, error_of, header) -> None:
    response = await gateway.http.get(ME, headers={} if header is None else {"Authorization": header})
    assert response.status_code == 401
    assert error_of(response)["code"] in ("UNAUTHORIZED", "INVALID_TOKEN")


class Keys:
    def __init__(self, *signers: Any) -> None:
        self.signers = list(signers)
        self.asked = 0
        self.silent = False

    async def __call__(self) -> accounts.Keys:
        self.asked += 1
        await asyncio.sleep(0)
        if self.silent:
            raise Unavailable("nobody there")
        return accounts.Keys(keys=[signer.public() for signer in self.signers])


async def test_made_up_key_ids_do_not_become_questions(gateway_settings, signer) -> None:
    keys = Keys(signer)
    tokens = Tokens(keys, gateway_settings())
    await tokens.verify(signer.token(1))
    forged = [signer.token(1, {"kid": f"made up {number}"}) for number in range(50)]
    results = await asyncio.gather(*(tokens.verify(token) for token in forged), return_exceptions=True)
    assert all(isinstance(result, Unauthorized) for result in results)
    assert keys.asked == 1


async def test_a_new_key_is_found_and_a_withdrawn_one_forgotten(gateway_settings, signer) -> None:
    new = type(signer)(kid="new-key")
    keys = Keys(signer)
    tokens = Tokens(keys, gateway_settings(key_refetch_seconds=0, key_lifetime_seconds=0.05))
    await tokens.verify(signer.token(1))
    keys.signers = [new]
    assert (await tokens.verify(new.token(7))).user_id == 7
    with pytest.raises(Unauthorized):
        await tokens.verify(signer.token(1))


async def test_a_key_that_was_published_before_it_signs_is_never_refused(gateway_settings, signer) -> None:
    """Whatever made-up key ids came a moment before, and however seldom those may make questions."""
    new = type(signer)(kid="new-key")
    keys = Keys(signer)
    tokens = Tokens(keys, gateway_settings(key_refetch_seconds=3600, key_lifetime_seconds=0.05))
    await tokens.verify(signer.token(1))
    for _ in range(3):
        keys.signers = [signer]
        await asyncio.sleep(0.05)  # the time that the operator's handbook gives every gateway to learn of a key
        with pytest.raises(Unauthorized):
            await tokens.verify(signer.token(1, {"kid": "made up"}))
        keys.signers = [new, signer]
        await asyncio.sleep(0.06)
        assert (await tokens.verify(new.token(7))).user_id == 7


async def test_a_new_key_is_not_refused_because_nobody_could_be_asked(gateway_settings, signer) -> None:
    new = type(signer)(kid="new-key")
    keys = Keys(signer)
    tokens = Tokens(keys, gateway_settings(key_refetch_seconds=0))
    await tokens.verify(signer.token(1))
    keys.silent = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            await tokens.verify(new.token(7))
    assert keys.asked == 2  # a silent service is not asked again by every token


async def test_known_keys_outlive_the_auth_service(gateway_settings, signer) -> None:
    keys = Keys(signer)
    keys.silent = True
    tokens = Tokens(keys, gateway_settings(key_lifetime_seconds=0))
    with pytest.raises(Unavailable):
        await tokens.verify(signer.token(1))
    keys.silent = False
    await tokens.verify(signer.token(1))
    keys.silent = True
    await tokens.verify(signer.token(1))
