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
    uploads_per_user: int = 8
    """Of these at most so many are one user's."""
    upload_wait_seconds: float = 90.0
    """A file that has waited for its turn so long is refused with 503."""
    upload_idle_seconds: float = 60.0
    """An upload whose client sends nothing for so long is given up."""
    upload_least_rate: int = 8 << 10
    """Bytes a second. An upload that is slower for longer than its client may be silent is given up too: a phone on the
    slowest line there is gets through, but nobody keeps a turn with a byte now and then."""
    max_json_bytes: int = 1 << 20
    body_seconds: float = 30.0
    """Within which any other body must have arrived."""

    api_per_minute: int = 100
    """Requests of one user that count to no other budget."""
    uploads_per_minute: int = 3000
    """Uploads, prechecks and adoptions of one user: a phone brings 5,000 photos in two minutes, if its line can."""
    upload_bytes_per_hour: int = 100 << 30
    thumbnails_per_minute: int = 6000
    """Thumbnails and originals that one user looks at: a gallery scrolled fast shows a hundred a second."""
    thumbnail_bytes_per_hour: int = 100 << 30
    shared_files_per_minute: int = 6000
    """Originals that a partner fetches by an order's links, from one address."""
    shared_file_bytes_per_hour: int = 100 << 30
    auth_per_minute: int = 30
    """From one address, which a household may share: log-ins, refreshes, changes of the password and deletions of the
    account, with a token or without; without one all of the auth routes."""
    registrations_per_minute: int = 10
    """From one address, with a token or without: who is told that an e-mail address is taken can't try many."""
    auth_per_email_per_minute: int = 10
    """Tries for one e-mail address, from wherever."""
    handshakes_per_minute: int = 600
    """WebSockets that are opened from one address, with a token that holds or without: a household behind one address
    opens them all anew when a gateway goes."""
    anonymous_per_minute: int = 100
    """All other requests without a token that holds, from one address.

    The address is the one that uvicorn tells: behind a proxy set FORWARDED_ALLOW_IPS to the proxy's own.
    """
    kept_answer_bytes_per_hour: int = 32 << 20
    """Of answers kept for repetitions, by their Idempotency-Key, of one user or one address: one of them alone never
    fills the room of all within the day that answers are kept."""
    limits_factor: float = 1.0
    """Multiplies every limit; tests that hammer on purpose set it high."""

    repetition_wait_seconds: float = 30.0
    """For so long a request waits for the one it repeats, by its Idempotency-Key."""
    claim_seconds: int = 10
    """When a gateway dies, the requests that it had begun may be begun again after so long."""

    key_refetch_seconds: float = 5.0
    """Unknown key ids have the signing keys asked for at most this often: a key is known so long after it was
    published."""
    key_lifetime_seconds: float = 60.0
    """A key that was withdrawn is believed for so long at most."""
    session_cache_seconds: float = 60.0
    """A session that was seen alive is asked about again after so long; that it ended is heard at once."""

    answer_cache_bytes: int = 64 << 20
    """Of memory for the other services' answers, kept in process until they change; 0 remembers nothing."""

    sockets_per_user: int = 20
    """Open WebSockets of one user at one process; the newest is refused."""
    socket_queue: int = 256
    """Messages that may wait for one WebSocket before it is closed as too slow."""
    socket_ping_seconds: float = 25.0
    """How often a WebSocket that has nothing to say says so."""
