"""Settings of the photos service."""

from mizzap_common.settings import DatabaseSettings, ImagingSettings, KeyRingSettings


class PhotosSettings(DatabaseSettings, ImagingSettings, KeyRingSettings):
    sweep_interval_seconds: float = 5.0
    sweep_after_seconds: float = 30.0
    """How long a step may take before the sweeper asks where it stays; doubled with each asking."""
    sweep_limit: int = 8
    """How often a step is asked for before the photo counts as failed."""
    free_quota_bytes: int = 10_000_000_000
    """Originals that a user of the free tier may store; the premium tier has no limit."""
    free_trash_days: float = 7.0
    """How long a photo stays in the trash before it is deleted for good."""
    premium_trash_days: float = 30.0
    purge_interval_seconds: float = 3600.0
    recount_interval_seconds: float = 86_400.0
    orphan_after_hours: float = 24.0
    """Age at which a stored original without a photo is removed; far longer than any upload lasts."""
