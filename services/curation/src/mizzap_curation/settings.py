"""Settings of the curation service."""

from collections.abc import Iterator
from datetime import timedelta
from typing import cast, get_args
from urllib.parse import urlsplit

from mizzap_common.contracts.ordering import Partner
from mizzap_common.settings import DatabaseSettings, ImagingSettings, KeyRingSettings
from pydantic import BaseModel, Field, SecretStr, model_validator
from standardwebhooks import Webhook

_LEAST_SECRET_BYTES = 24
"""As Standard Webhooks ask for."""
_LEASE_OVER_TIMEOUT = timedelta(seconds=30)
_DAYS_OF_PATIENCE = 30
_ONLY = "only"
"""The id of a secret that was given without one."""


class PartnerSecret(BaseModel):
    """What both sides sign with, under a name that may be told to anybody."""

    id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    secret: SecretStr


class PartnerAddress(BaseModel):
    """Where a partner takes orders, and the secrets: the first signs, each of them is accepted."""

    url: str
    secrets: list[PartnerSecret]


class CurationSettings(DatabaseSettings, ImagingSettings, KeyRingSettings):
    """A database, child processes for decoding, how eagerly moments are chosen anew, and the partners."""

    curation_quiet_seconds: float = 2.0
    """A user's moments are chosen anew when nothing has happened to the library for so long…"""
    curation_longest_seconds: float = 20.0
    """…or after this time and ten milliseconds more for each photo, while it goes on happening."""
    curation_poll_seconds: float = 0.5
    """How often an idle process looks whether somebody's moments are due."""
    curation_lease_seconds: float = 30.0
    """After this time another process takes over a choice that was begun and not finished."""
    curation_retry_seconds: float = 5.0
    """How long a user's moments wait when the vectors of the photos can't be had."""

    memopyk_url: str | None = None
    """Where MEMOPYK takes orders for films; without it they can't be placed."""
    memopyk_secret: SecretStr | None = None
    """As Standard Webhooks write it: ``whsec_`` and the base64 of at least 24 random bytes."""
    memopyk_secrets: tuple[PartnerSecret, ...] = ()
    """In its place, while it is changed, several: the first signs what is sent, each of them is accepted."""
    photall_url: str | None = None
    """Where photALL takes orders to retouch."""
    photall_secret: SecretStr | None = None
    photall_secrets: tuple[PartnerSecret, ...] = ()
    public_url: str = "http://127.0.0.1:8080"
    """The gateway as the partners reach it: the photos' links and the callback's address begin with it."""
    partner_link_days: float = 7.0
    """How long the links to an order's photos can be used, while the order is open."""
    partner_timeout_seconds: float = 15.0
    """How long a partner may take to answer."""
    partner_retry_seconds: tuple[float, ...] = (2, 10, 60, 300, 1_800, 7_200, 21_600)
    """Waits before each further try; after the last one the order has failed. Cancellations and erasures go on once a
    day, for 30 days."""
    partner_poll_seconds: float = 0.5
    """How often an idle process looks whether something has to be sent."""

    @property
    def partner_lease(self) -> timedelta:
        """After this time another process takes over what was to be told to a partner."""
        return timedelta(seconds=self.partner_timeout_seconds) + _LEASE_OVER_TIMEOUT

    @property
    def partner_pauses(self) -> list[timedelta]:
        return [timedelta(seconds=seconds) for seconds in self.partner_retry_seconds]

    @property
    def partner_long_pauses(self) -> list[timedelta]:
        """Where a partner has to delete something: after the usual tries it is asked once a day, for as long as an
        erasure may take."""
        return [*self.partner_pauses, *[timedelta(days=1)] * _DAYS_OF_PATIENCE]

    @property
    def partners(self) -> dict[Partner, PartnerAddress]:
        """Those that orders can be placed with."""
        return dict(self._partners())

    def _partners(self) -> Iterator[tuple[Partner, PartnerAddress]]:
        for name in get_args(Partner):
            url, secrets = getattr(self, f"{name}_url"), self._secrets(name)
            if url and secrets:
                yield cast(Partner, name), PartnerAddress(url=url, secrets=secrets)

    def _secrets(self, name: str) -> list[PartnerSecret]:
        several, one = getattr(self, f"{name}_secrets"), getattr(self, f"{name}_secret")
        return list(several) or ([PartnerSecret(id=_ONLY, secret=one)] if one else [])

    @model_validator(mode="after")
    def _partners_are_safe(self) -> "CurationSettings":
        for name in get_args(Partner):
            if not getattr(self, f"{name}_url"):
                continue
            setting = f"MIZZAP_{name.upper()}_SECRET"
            if getattr(self, f"{name}_secrets") and getattr(self, f"{name}_secret"):
                raise ValueError(f"{setting} and {setting}S exclude each other: one of them has to go")
            secrets = self._secrets(name)
            if not secrets or not all(_is_strong(one.secret.get_secret_value()) for one in secrets):
                raise ValueError(
                    f"MIZZAP_{name.upper()}_URL needs {setting} or {setting}S: "
                    f"whsec_ and the base64 of at least {_LEAST_SECRET_BYTES} random bytes"
                )
            if len({one.id for one in secrets}) < len(secrets):
                raise ValueError(f"{setting}S: two secrets have the same id")
            if self.environment == "production":
                for url in (getattr(self, f"{name}_url"), self.public_url):
                    if urlsplit(url).scheme != "https":
                        raise ValueError(
                            f"in production a partner is reached, and reaches us, over https, not by {url}"
                        )
        return self


def _is_strong(secret: str) -> bool:
    try:
        Webhook(secret)
    except Exception:  # whatever the library makes of what is no secret
        return False
    return len(secret.removeprefix("whsec_").rstrip("=")) * 3 // 4 >= _LEAST_SECRET_BYTES
