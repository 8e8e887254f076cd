"""Settings of the curation service."""

from mizzap_common.settings import DatabaseSettings, ImagingSettings


class CurationSettings(DatabaseSettings, ImagingSettings):
    """A database, child processes for decoding, and how eagerly moments are chosen anew."""

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
