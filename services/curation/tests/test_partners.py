"""The wire to the partners, and the settings that name them."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from mizzap_common.contracts import ordering
from mizzap_common.errors import MizzapError
from mizzap_curation.partners import Partners
from mizzap_curation.settings import CurationSettings
from pydantic import ValidationError
from standardwebhooks import Webhook

from services.curation.tests.shops import SECRET, Shop


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(200, "taken"), (204, "taken"), (302, "refused"), (400, "refused"), (410, "refused"), (408, "later"),
     (429, "later"), (500, "later"), (503, "later"), (httpx.ConnectError("no"), "later"),
     (httpx.ReadTimeout("no"), "later")],
)  # fmt: skip
async def test_what_a_partner_s_answer_means(with_partner: CurationSettings, answer: Any, outcome: str) -> None:
    seen: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, headers={"location": "http://127.0.0.1:9/elsewhere"})

    partners = Partners(with_partner)
    partners._http = httpx.AsyncClient(transport=httpx.MockTransport(reply), follow_redirects=False)
    message_id = uuid4()
    assert await partners.send("memopyk", message_id, '{"é": 1}') == outcome
    (request,) = seen
    assert request.headers["webhook-id"] == str(message_id)
    assert Webhook(SECRET).verify(request.content, dict(request.headers)) == {"é": 1}
    assert await partners.send("photall", message_id, "{}") == "later", "it is not enabled"
    await partners.close()


@pytest.mark.parametrize(
    ("environment", "more", "problem"),
    [
        ("development", {}, "needs MIZZAP_MEMOPYK_SECRET"),
        ("production", {}, "needs MIZZAP_MEMOPYK_SECRET"),
        ("production", {"memopyk_secret": "whsec_c2hvcnQ="}, "needs MIZZAP_MEMOPYK_SECRET"),
        ("production", {"memopyk_secret": "whsec_é"}, "needs MIZZAP_MEMOPYK_SECRET"),
        ("production", {"memopyk_secret": SECRET}, "over https"),
        ("production", {"memopyk_secret": SECRET, "public_url": "https://api.mizzap.test"}, "over https"),
        ("production", {"memopyk_secret": SECRET, "memopyk_url": "https://memopyk.test"}, "over https"),
    ],
)
def test_no_partner_without_a_secret(environment: str, more: dict[str, str], problem: str) -> None:
    values = {
        "environment": environment,
        "database_url": "x",
        "key_ring_file": "x",
        "memopyk_url": "http://memopyk.test",
    }
    with pytest.raises(ValidationError, match=problem):
        CurationSettings(**{**values, **more})  # type: ignore[arg-type]


async def test_a_partner_that_is_not_enabled(shop: Shop) -> None:
    request = ordering.OrderRetouch(
        user_id=shop.user, instructions="Brighter", photo_ids=shop.photos, partner_consent=True
    )
    with pytest.raises(MizzapError) as refused:
        await shop.orders.order_retouch(request)
    assert (refused.value.status, refused.value.code) == (409, "PARTNER_NOT_ENABLED")
