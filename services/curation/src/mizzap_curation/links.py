"""Links to the photos of an order: whoever holds one can fetch one photo, until it expires or the order is closed."""

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime

from mizzap_common.sealed import KeyRing

_FORM = struct.Struct(">QQQ")
_PURPOSE = "partner-file"


@dataclass(frozen=True)
class Link:
    order_id: int
    photo_id: int
    expires_at: datetime
    """To the second."""


class Links:
    """Signed with the service's key ring, so that nothing has to be stored and nothing can be guessed."""

    def __init__(self, ring: KeyRing, public_url: str) -> None:
        self._ring = ring
        self._prefix = f"{public_url.rstrip('/')}/api/v1/integrations"

    def callback_url(self, partner: str) -> str:
        return f"{self._prefix}/{partner}/callback"

    def url(self, link: Link) -> str:
        return f"{self._prefix}/files/{self.token(link)}"

    def token(self, link: Link) -> str:
        content = _FORM.pack(link.order_id, link.photo_id, int(link.expires_at.timestamp()))
        return base64.urlsafe_b64encode(content + self._ring.index(content.hex(), _PURPOSE)).decode().rstrip("=")

    def read(self, token: str) -> Link | None:
        """None for what is none of ours. Whether it still holds, the order says."""
        try:
            found = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        content, signature = found[: _FORM.size], found[_FORM.size :]
        if len(content) < _FORM.size or not self._ring.is_index(signature, content.hex(), _PURPOSE):
            return None
        order_id, photo_id, expires = _FORM.unpack(content)
        return Link(order_id, photo_id, datetime.fromtimestamp(expires, UTC))
