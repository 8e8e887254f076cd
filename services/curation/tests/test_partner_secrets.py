"""A partner's secret is changed while orders and callbacks go on: nothing is refused, and the old one ends."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from mizzap_common.contracts import ordering
from mizzap_common.db import Database
from mizzap_common.errors import NotFound, Unauthorized
from mizzap_curation.callbacks import Callbacks
from mizzap_curation.partners import Partners
from mizzap_curation.settings import CurationSettings, PartnerSecret
from mizzap_devstack.partner_simulator.app import Simulator
from pydantic import SecretStr, ValidationError
from standardwebhooks import Webhook


def secret(number: int) -> str:
    return "whsec_" + base64.b64encode(bytes([number]) * 32).decode()


OLD, NEW = secret(1), secret(2)


class Installation:
    """Curation with these secrets, as after a restart; the partner's side is the simulator."""

    def __init__(self, database: Database, settings: CurationSettings, **secrets: str) -> None:
        given = [PartnerSecret(id=key_id, secret=SecretStr(text)) for key_id, text in secrets.items()]
        more = {"memopyk_url": "http://partner/memopyk", "memopyk_secrets": given}
        self.partners = Partners(settings.model_copy(update=more))
        self.callbacks = Callbacks(database, self.partners)

    async def sends(self, simulator: Simulator) -> str:
        self.partners._http = httpx.AsyncClient(transport=httpx.ASGITransport(simulator.app()))
        # a cancellation of what it doesn't know is answered 404 by the simulator: so an order, without photos
        data = {"orderId": 1, "title": "x", "photos": [], "callbackUrl": "http://127.0.0.1:9/"}
        simulator._start = lambda work: work.close()  # type: ignore[method-assign]
        return await self.partners.send("memopyk", uuid4(), json.dumps({"type": "order.placed", "data": data}))

    async def hears(self, signing: str) -> bool:
        """Whether a callback's signature counts; of an order that nobody has, as the order doesn't matter here."""
        body = json.dumps({"type": "order.status", "data": {"orderId": 2**62, "status": "accepted"}})
        now, webhook_id = datetime.now(UTC), str(uuid4())
        told = ordering.Callback(
            partner="memopyk", webhook_id=webhook_id, webhook_timestamp=str(int(now.timestamp())),
            webhook_signature=Webhook(signing).sign(webhook_id, now, body),
            body=base64.b64encode(body.encode()).decode(),
        )  # fmt: skip
        try:
            await self.callbacks.take(told)
        except NotFound:
            return True
        except Unauthorized as error:
            assert error.code == "SIGNATURE_INVALID"
            return False
        raise AssertionError("nobody has this order")


async def test_a_secret_is_changed_and_nothing_is_refused_meanwhile(
    database: Database, settings: CurationSettings
) -> None:
    partner = Simulator({"memopyk": {"old": OLD}})
    before = Installation(database, settings, old=OLD)
    assert await before.sends(partner) == "taken" and await before.hears(OLD)
    assert not await before.hears(NEW)

    # 1. we accept the new one and go on signing with the old one
    overlap = Installation(database, settings, old=OLD, new=NEW)
    assert await overlap.sends(partner) == "taken"
    assert await overlap.hears(OLD) and await overlap.hears(NEW)

    # 2. the partner knows both and signs with the new one, then we do
    partner.secrets["memopyk"]["new"] = NEW
    assert await overlap.sends(partner) == "taken"
    turned = Installation(database, settings, new=NEW, old=OLD)
    assert await turned.sends(partner) == "taken"
    assert await turned.hears(OLD) and await turned.hears(NEW)

    # 3. the old one ends, on both sides
    del partner.secrets["memopyk"]["old"]
    after = Installation(database, settings, new=NEW)
    assert await after.sends(partner) == "taken" and await after.hears(NEW)
    assert not await after.hears(OLD), "it is retired"
    assert await before.sends(partner) == "refused", "a partner has retired it too"


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"memopyk_secret": OLD, "memopyk_secrets": [{"id": "a", "secret": NEW}]}, "exclude each other"),
        ({"memopyk_secrets": [{"id": "a", "secret": OLD}, {"id": "a", "secret": NEW}]}, "the same id"),
        ({"memopyk_secrets": [{"id": "a", "secret": OLD}, {"id": "b", "secret": "whsec_c2hvcnQ="}]}, "random bytes"),
        ({"memopyk_secrets": [{"id": "a\nb", "secret": OLD}]}, "pattern"),
    ],
)
def test_secrets_that_can_t_be(more: dict[str, Any], problem: str) -> None:
    values = {"database_url": "x", "key_ring_file": "x", "memopyk_url": "http://memopyk.test"}
    with pytest.raises(ValidationError, match=problem) as refused:
        CurationSettings(**{**values, **more})
    assert OLD not in str(refused.value) and NEW not in str(refused.value)
