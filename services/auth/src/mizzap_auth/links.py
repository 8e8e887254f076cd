"""Download links: whoever has one may have the file, until it runs out."""

import base64
import binascii
import hmac
from datetime import datetime

from mizzap_common.sealed import KeyRing

_PURPOSE = "export-link"


class Links:
    """Signs and checks the tokens of links with the key ring's index key (HMAC-SHA256)."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def token(self, user_id: int, export_id: int, until: datetime) -> str:
        said = f"{user_id}.{export_id}.{int(until.timestamp())}"
        return f"{said}.{self._signatures(said)[0]}"

    def owner(self, token: str, export_id: int, now: datetime) -> int | None:
        """Whose export it is; None when the token is not for this export, has run out, or isn't ours."""
        said, _, signature = token.rpartition(".")
        # as they are written: of base64 there is more than one spelling
        if not any([hmac.compare_digest(signature.encode(), one.encode()) for one in self._signatures(said)]):
            return None
        try:
            user_id, named, until = (int(part) for part in said.split("."))
        except (ValueError, binascii.Error):
            return None
        return user_id if named == export_id and now.timestamp() < until else None

    def _signatures(self, said: str) -> list[str]:
        return [base64.urlsafe_b64encode(index).rstrip(b"=").decode() for index in self._ring.indexes(said, _PURPOSE)]
