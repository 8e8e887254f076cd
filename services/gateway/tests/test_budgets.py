"""Which budget a request counts to."""

import pytest
from mizzap_common.errors import Unauthorized
from mizzap_gateway.budgets import Budgets
from mizzap_gateway.settings import GatewaySettings
from mizzap_gateway.tokens import Caller


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/photos/1/thumbnail", "thumbnails"),
        ("/photos/1/original", "thumbnails"),
        ("/albums/1/photos/2/thumbnail", "thumbnails"),
        ("/albums/1/photos/2/original", "thumbnails"),
        ("/exports/1/download", "thumbnails"),
        ("/albums/1/photos/2", "api"),
        ("/photos/1/originals", "api"),
        ("/photos/upload", "uploads"),
        ("/photos/batch-action", "api"),
        ("/integrations/memopyk/create-film", "api"),
    ],
)
def test_what_counts_to_which_budget(path, name) -> None:
    scope = {"type": "http", "path": f"/api/v1{path}", "mizzap.caller": Caller(1, 2, 3.0), "client": ("10.0.0.1", 1)}
    budgets = Budgets(GatewaySettings())
    found = budgets.of(scope)
    assert found is not None and found[0].requests.name == name and found[1] == "user:1"
    unknown = budgets.of({**scope, "mizzap.caller": Unauthorized("No.")})
    assert unknown is not None and unknown[0].requests.name == "anonymous" and unknown[1] == "address:10.0.0.1"


def test_a_handshake_counts_to_the_address() -> None:
    scope = {"type": "websocket", "path": "/ws", "client": ("10.0.0.1", 1)}
    found = Budgets(GatewaySettings()).of(scope)
    assert found is not None and found[0].requests.name == "handshakes" and found[1] == "address:10.0.0.1"


@pytest.mark.parametrize("route", ["login", "refresh", "password", "account"])
def test_who_tries_passwords_and_refresh_tokens_is_counted_by_address_with_a_token_too(route) -> None:
    scope = {"type": "http", "path": f"/api/v1/auth/{route}", "client": ("10.0.0.1", 1)}
    for caller in (Caller(1, 2, 3.0), Unauthorized("No.")):
        found = Budgets(GatewaySettings()).of({**scope, "mizzap.caller": caller})
        assert found is not None and found[0].requests.name == "auth" and found[1] == "address:10.0.0.1"
