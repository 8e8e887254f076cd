"""The gateway's settings."""

from mizzap_common.settings import Settings


class GatewaySettings(Settings):
    """What the gateway needs beside the world's addresses."""

    cors_origins: tuple[str, ...] = ()
    """Web pages of other hosts that may call the API, as ``["https://app.mizzap.fr"]``; with our cookies too.
    Nothing else than JSON."""
    cors_localhost: bool = True
    """Whether pages served by this machine may call it too, on any port, without cookies."""

    max_upload_bytes: int = 2 << 30
    """Of one file."""
    max_files: int = 1000
    """Of one upload request."""
    uploads_at_once: int = 32
    """Files stored at the same time by one process; each holds up to about 24 MiB. The others wait."""
    upload_idle_seconds: float = 60.0
    """An upload whose client sends nothing for so long is given up."""
    max_json_bytes: int = 1 << 20

    key_refetch_seconds: float = 5.0
    """Unknown key ids have the signing keys asked for at most this often: a key is known so long after it was
    published."""
    key_lifetime_seconds: float = 60.0
    """A key that was withdrawn is believed for so long at most."""
    session_cache_seconds: float = 60.0
    """A session that was seen alive is asked about again after so long; that it ended is heard at once."""

    socket_queue: int = 256
    """Messages that may wait for one WebSocket before it is closed as too slow."""
