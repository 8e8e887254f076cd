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
    refresh_grace_seconds: float = 30.0
    """For so long a rotated refresh token still gives its one successor: two tabs, or an answer that got lost. Longer
    than a gateway waits for the answer and its client then for the next try."""
    policy_versions: tuple[str, ...] = Field(("2025-10",), min_length=1)
    """Of the privacy policy on offer, the newest last: what registering agrees to."""
    audit_days: int = 90
    """How long the audit log is kept."""
    invitation_days: int = 7

    erasure_sweep_seconds: float = 30.0
    """How often open erasures are looked at; a receipt that arrives has them looked at at once."""
    erasure_settle_seconds: float = 4200.0
    """After so long nothing new of an erased user can appear, and the services erase once more: longer than an access
    token is good for, and than an event's handling may take."""
    erasure_patience_seconds: float = 600.0
    """A receipt that takes longer is asked for again."""

    export_keep_days: float = 7.0
    """An export's file is removed after so long."""
    export_link_seconds: float = 86_400.0
    """A download's address is good for so long."""
    export_poll_seconds: float = 2.0
    export_lease_seconds: float = 120.0
    """An export that its builder says nothing of for so long is begun anew by another."""
    export_tries: int = 5
    export_builders: int = 2
    """Exports built at the same time by one process: a large one must not hold up everybody else's. Each holds up to
    about 130 MB."""
