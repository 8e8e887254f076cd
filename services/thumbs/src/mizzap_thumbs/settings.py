"""Settings of the thumbs service."""

from mizzap_common.settings import DatabaseSettings, ImagingSettings


class ThumbsSettings(DatabaseSettings, ImagingSettings):
    """A database and child processes for decoding, nothing of its own."""
