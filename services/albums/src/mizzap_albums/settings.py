"""Settings of the albums service."""

from mizzap_common.settings import DatabaseSettings


class AlbumsSettings(DatabaseSettings):
    """A database, nothing of its own."""
