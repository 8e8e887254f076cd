"""The OpenAPI document: complete, the same at every start, made without a server."""

import json
import subprocess
import sys
from typing import Any

import jsonschema
import openapi_spec_validator
import pytest
from mizzap_gateway.app import build
from mizzap_gateway.settings import GatewaySettings

DOCUMENT: dict[str, Any] = build(GatewaySettings()).openapi()
OPERATIONS = [
    pytest.param(path, method, operation, id=operation["operationId"])
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
_OPEN = {
    "register", "login", "refresh", "signing_keys", "take_callback", "get_shared_file", "download_export",
}  # fmt: skip


def test_it_is_the_same_in_another_process() -> None:
    script = (
        "import json; from mizzap_gateway.app import build; from mizzap_gateway.settings import GatewaySettings;"
        "print(json.dumps(build(GatewaySettings()).openapi()))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True).stdout
    assert found.strip() == json.dumps(DOCUMENT)


def test_it_has_every_endpoint_of_the_issue() -> None:
    found = {f"{m.upper()} {p.removeprefix('/api/v1')}" for p, ms in DOCUMENT["paths"].items() for m in ms}
    assert found >= {
        "POST /auth/register", "POST /auth/login", "POST /auth/refresh", "GET /auth/me", "GET /.well-known/jwks.json",
        "POST /auth/logout", "PUT /auth/profile", "POST /auth/password", "GET /auth/sessions", "DELETE /auth/sessions",
        "DELETE /auth/sessions/{session_id}",
        "POST /photos/upload", "POST /photos/precheck", "POST /photos/adopt", "GET /photos", "GET /photos/{photo_id}",
        "DELETE /photos/{photo_id}", "GET /photos/{photo_id}/thumbnail", "GET /photos/{photo_id}/original",
        "POST /albums", "GET /albums", "GET /albums/{album_id}", "PUT /albums/{album_id}", "DELETE /albums/{album_id}",
        "POST /albums/{album_id}/photos", "DELETE /albums/{album_id}/photos/{photo_id}", "GET /duplicates",
        "GET /duplicates/groups", "GET /duplicates/stats", "POST /duplicates/{duplicate_id}/action",
        "GET /curation/moments", "POST /curation/moments/confirm", "PUT /curation/moments", "GET /jobs",
        "GET /jobs/progress", "GET /model", "GET /albums/{album_id}/photos", "PUT /albums/{album_id}/order",
        "POST /albums/{album_id}/photos/remove", "GET /albums/{album_id}/photos/{photo_id}/thumbnail",
        "GET /albums/{album_id}/photos/{photo_id}/original", "POST /albums/{album_id}/shares",
        "GET /albums/{album_id}/shares", "DELETE /albums/{album_id}/shares/{family_id}",
        "POST /duplicates/bulk-action",
        "DELETE /auth/account", "POST /exports", "GET /exports",
        "GET /exports/{export_id}", "DELETE /exports/{export_id}", "GET /exports/{export_id}/download",
        "POST /ws/ticket", "POST /duplicates/bulk-action/{bulk_action_id}/undo", "POST /duplicates/{duplicate_id}/undo",
        "GET /photos/{photo_id}/similar", "GET /search", "POST /integrations/memopyk/create-film",
        "POST /integrations/photall/send-for-retouch", "GET /integrations/status",
        "GET /integrations/orders/{order_id}", "POST /integrations/orders/{order_id}/cancel",
        "POST /integrations/{partner}/callback", "GET /integrations/files/{token}",
        "GET /photos/trash", "POST /photos/{photo_id}/restore", "PUT /photos/{photo_id}/favourite",
        "POST /photos/batch-action", "GET /photos/usage", "POST /jobs/{job_id}/retry",
        "GET /auth/consents", "PUT /auth/consents/{purpose}", "GET /auth/audit",
        "POST /families", "GET /families", "GET /families/{family_id}", "PUT /families/{family_id}",
        "DELETE /families/{family_id}", "POST /families/{family_id}/invitations", "POST /families/accept",
        "GET /families/{family_id}/invitations", "DELETE /families/{family_id}/invitations/{invitation_id}",
        "PUT /families/{family_id}/members/{member_id}", "DELETE /families/{family_id}/members/{member_id}",
    }  # fmt: skip


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_each_operation_is_described(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["tags"] and operation["description"]
    responses = operation["responses"]
    good = [status for status in responses if status.startswith("2")]
    assert good and all(responses[status]["content"] for status in good)
    assert "422" not in responses or method == "post", "FastAPI's own validation errors are never sent"
    for status, response in responses.items():
        if status >= "400":
            assert response["content"]["application/json"]["schema"]["$ref"].endswith("/ProblemAnswer")
    assert "503" in responses
    secured = operation["operationId"] not in _OPEN
    assert bool(operation.get("security")) is secured
    assert ("401" in responses) >= secured
    own_parameters = [parameter for parameter in operation.get("parameters", []) if "$ref" not in parameter]
    if "{" in path or operation.get("requestBody") or own_parameters:
        assert "400" in responses


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_each_operation_has_valid_examples(path: str, method: str, operation: dict[str, Any]) -> None:
    """A value that doesn't fit comes from ``examples.FIELDS``, or from a field's own ``examples``."""
    contents = [operation.get("requestBody", {}).get("content", {})]
    contents += [response.get("content", {}) for status, response in operation["responses"].items() if status < "300"]
    for content in contents:
        for media_type, body in content.items():
            if media_type in ("application/json", "multipart/form-data"):
                assert "example" in body or "examples" in body
                schema = {**body["schema"], "components": DOCUMENT["components"]}
                examples = [body["example"]] if "example" in body else [e["value"] for e in body["examples"].values()]
                for example in examples:
                    jsonschema.Draft202012Validator(schema).validate(example)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_each_operation_names_its_error_codes(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    errors = {s: r for s, r in operation["responses"].items() if s.isdecimal() and s >= "400"}
    for response in errors.values():
        codes = response["x-error-codes"]
        assert codes and set(codes) == set(response["content"]["application/json"]["examples"])
        assert all(f"`{code}`" in response["description"] for code in codes)
        assert set(codes) <= DOCUMENT["components"]["examples"].keys()
    assert "Retry-After" in errors["429"]["headers"]
    parameters = json.dumps(operation.get("parameters", []))
    assert ("IdempotencyKey" in parameters) is (method == "post")
    if method == "post":
        assert "IDEMPOTENCY_KEY_REUSED" in errors["422"]["x-error-codes"]
        assert "IDEMPOTENCY_IN_FLIGHT" in errors["409"]["x-error-codes"]


def test_specific_codes_are_there() -> None:
    """Of those that a client must tell apart."""
    codes = DOCUMENT["components"]["examples"].keys()
    assert codes >= {
        "ALBUM_FULL", "COVER_NOT_IN_ALBUM", "EMAIL_TAKEN", "FILE_EMPTY", "HASH_MISMATCH", "HASH_UNKNOWN",
        "INVALID_CREDENTIALS", "INVALID_REFRESH_TOKEN", "INVALID_TOKEN", "NOTHING_TO_CONFIRM", "THUMBNAIL_NOT_READY",
        "TOO_MANY_MOMENTS", "UPLOAD_AGAIN", "BODY_TOO_SLOW", "TOO_LARGE",
    }  # fmt: skip
    for example in DOCUMENT["components"]["examples"].values():
        schema = {"$ref": "#/components/schemas/ProblemAnswer", "components": DOCUMENT["components"]}
        jsonschema.Draft202012Validator(schema).validate(example["value"])


def test_operations_of_the_api_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in (parameters.values for parameters in OPERATIONS)]
    assert len(names) == len(set(names))
    assert all(name.isidentifier() for name in names)


def test_the_document_is_valid_openapi() -> None:
    openapi_spec_validator.validate(DOCUMENT)


def test_nobody_can_name_a_user() -> None:
    bodies = json.dumps([o["requestBody"] for _, _, o in (p.values for p in OPERATIONS) if "requestBody" in o])
    names = {name for name in DOCUMENT["components"]["schemas"] if f'schemas/{name}"' in bodies}
    fields = {field for name in names for field in DOCUMENT["components"]["schemas"][name].get("properties", {})}
    assert names and "email" in fields
    assert not fields & {"userId", "user_id"}
