"""The auth service's settings."""

from pathlib import Path

from mizzap_common.settings import DatabaseSettings, KeyRingSettings
from pydantic import Field


class AuthSettings(DatabaseSettings, KeyRingSettings):
    """What the auth service needs beside the world's addresses."""

    signing_key_file: Path
    """RSA private key in PEM, at least 2048 bits: access tokens are signed with it."""
    published_key_files: tuple[Path, ...] = ()
    """Further keys, private or public, in PEM: the one that will sign next, the one that signed before. Tokens of
    theirs count too."""
    access_token_seconds: int = 3600
    session_days: int = 30
    """A session ends when it was not refreshed for so long."""
    refresh_grace_seconds: float = 10.0
    """For so long a rotated refresh token still gives its one successor: two tabs, or an answer that got lost."""
    policy_versions: tuple[str, ...] = Field(("2025-10",), min_length=1)
    """Of the privacy policy on offer, the newest last: what registering agrees to."""
    audit_days: int = 90
    """How long the audit log is kept."""
    invitation_days: int = 7
