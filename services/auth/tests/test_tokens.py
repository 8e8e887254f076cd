"""Access tokens and the keys they are checked with."""

import base64
import hashlib
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from mizzap_auth.app import build
from mizzap_auth.settings import AuthSettings
from mizzap_auth.tokens import BadKeyFile, PublishedKeys, Signer
from mizzap_common import migrations
from mizzap_common.contracts import accounts, requests


async def test_an_access_token_is_what_the_specification_says(auth, email) -> None:
    session = await auth.register(email)
    [key] = (await auth.bus.ask(requests.AUTH_KEYS, accounts.KeysRequest())).keys
    header = jwt.get_unverified_header(session.access_token)
    assert header["alg"] == "RS256" and header["kid"] == key["kid"]
    claims = jwt.decode(session.access_token, jwt.PyJWK(key), ["RS256"], audience="mizzap-app", issuer="mizzap")
    assert claims["sub"] == f"user_{session.user.id}"
    assert claims["email"] == email
    [(session_id,)] = await auth.sql("SELECT id FROM sessions WHERE user_id = %(id)s", id=session.user.id)
    assert claims["sid"] == str(session_id)
    assert claims["exp"] - claims["iat"] == 3600
    assert abs(claims["iat"] - time.time()) < 5
    other = await auth.refresh(session.refresh_token)
    assert jwt.decode(other.access_token, options={"verify_signature": False})["jti"] != claims["jti"]


async def test_only_the_public_half_is_shown(auth) -> None:
    [key] = (await auth.bus.ask(requests.AUTH_KEYS, accounts.KeysRequest())).keys
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}
    canonical = json.dumps({n: key[n] for n in ("e", "kty", "n")}, separators=(",", ":")).encode()
    assert key["kid"] == base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()


def test_the_key_id_is_the_thumbprint_of_rfc_7638() -> None:
    """The example of the RFC's section 3.1."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
        "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
        "kEgU8awapJzKnqDKgw"
    )
    public = jwt.PyJWK({"kty": "RSA", "n": n, "e": "AQAB"}, "RS256").key

    class Key:
        def public_key(self) -> object:
            return public

    assert Signer(Key(), 1).key_id == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"  # type: ignore[arg-type]


def test_unusable_keys_are_refused_in_a_sentence(tmp_path, write_key) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("hello")
    for path in (tmp_path / "missing.pem", tmp_path, nonsense, write_key(1024)):
        with pytest.raises(BadKeyFile, match=str(path)):
            Signer.from_file(path, 1)
        with pytest.raises(BadKeyFile, match=str(path)):
            PublishedKeys.from_files(Signer.from_file(write_key(), 1), [path])


@pytest.mark.parametrize("field", ["signing_key_file", "key_ring_file", "published_key_files"])
def test_a_service_without_its_keys_does_not_start(tmp_path, write_key, write_ring, field) -> None:
    missing = tmp_path / "missing.pem"
    files = {"signing_key_file": write_key(), "key_ring_file": write_ring()}
    files[field] = [missing] if field == "published_key_files" else missing
    with pytest.raises(SystemExit, match="missing"):
        build(AuthSettings(database_url="postgresql+psycopg://x", **files))  # type: ignore[arg-type]


def test_the_key_before_and_the_key_after_are_published_too(write_key) -> None:
    current, following, former = write_key(), write_key(), write_key()
    public = former.with_suffix(".public")
    key = serialization.load_pem_private_key(former.read_bytes(), None).public_key()
    public.write_bytes(key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    keys = PublishedKeys.from_files(Signer.from_file(current, 1), [following, public, current])
    assert keys.ids == [Signer.from_file(path, 1).key_id for path in (current, following, former)]


def test_models_and_migrations_agree(make_database) -> None:
    url = make_database("auth_check")
    migrations.upgrade("mizzap_auth", url)
    migrations.check("mizzap_auth", url)
