"""The partners at the other end of the wire: requests signed as Standard Webhooks say, in both directions."""

import asyncio
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import httpx
import structlog
from mizzap_common.contracts.ordering import Partner
from mizzap_common.errors import Unauthorized
from prometheus_client import Counter
from standardwebhooks import Webhook, WebhookVerificationError

from mizzap_curation.settings import CurationSettings, PartnerAddress

Outcome = Literal["taken", "refused", "later"]
"""What became of a request: the partner has it, does not want it, or may want it another time."""

_SENT = Counter("mizzap_partner_requests", "Requests to partners by what became of them", ["partner", "outcome"])
_ANOTHER_TIME = {408, 425, 429}

log = structlog.get_logger(__name__)


class Partners:
    """``close`` it at the end."""

    def __init__(self, settings: CurationSettings) -> None:
        self._timeout = settings.partner_timeout_seconds
        self._addresses: dict[Partner, PartnerAddress] = settings.partners
        self._hooks = {
            name: [Webhook(one.secret.get_secret_value()) for one in address.secrets]
            for name, address in self._addresses.items()
        }
        # no redirects and no proxy of the environment's: the photos' links go where the operator said
        self._http = httpx.AsyncClient(timeout=self._timeout, follow_redirects=False, trust_env=False)

    def is_enabled(self, partner: Partner) -> bool:
        return partner in self._addresses

    async def send(self, partner: Partner, message_id: UUID, body: str) -> Outcome:
        """Tries once. The same ``message_id`` again is the same request: the partner acts on it once."""
        outcome = await self._try(partner, str(message_id), body)
        _SENT.labels(partner, outcome).inc()
        return outcome

    async def _try(self, partner: Partner, message_id: str, body: str) -> Outcome:
        if partner not in self._addresses:
            return "later"  # switched off since the order was placed, perhaps for an hour
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-secret-id": self._addresses[partner].secrets[0].id,
            "webhook-signature": self._hooks[partner][0].sign(message_id, now, body),
        }
        try:
            # of the answer nothing but its status counts: whatever its body holds is not read
            async with (
                asyncio.timeout(self._timeout),  # httpx' own is for each byte that trickles in
                self._http.stream(
                    "POST", self._addresses[partner].url, content=body.encode(), headers=headers
                ) as answer,
            ):
                status = answer.status_code
        except (httpx.HTTPError, TimeoutError) as error:
            log.warning("a partner does not answer", partner=partner, reason=type(error).__name__)
            return "later"
        if 200 <= status < 300:
            return "taken"
        log.warning("a partner does not take a request", partner=partner, status=status)
        return "later" if status >= 500 or status in _ANOTHER_TIME else "refused"

    def verify(self, partner: Partner, body: bytes, headers: dict[str, str]) -> None:
        """Raises Unauthorized unless these bytes were signed by the partner, with any of its secrets, in the last five minutes."""
        try:
            # every one is tried, so that the time doesn't tell which of them it was
            accepted = [_signed_with(hook, body, headers) for hook in self._hooks.get(partner, [])]
        except ValueError as error:  # what is no base64, no UTF-8, no pair
            raise _not_signed() from error
        if not any(accepted):
            raise _not_signed()

    async def close(self) -> None:
        await self._http.aclose()


def _signed_with(hook: Webhook, body: bytes, headers: dict[str, str]) -> bool:
    """Compares in constant time, as the library does. Raises ValueError."""
    try:
        hook.verify(body, headers, json_parse=False)
    except WebhookVerificationError:
        return False
    return True


def _not_signed() -> Unauthorized:
    return Unauthorized("The request is not signed as it must be.", code="SIGNATURE_INVALID")
