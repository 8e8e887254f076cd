"""Settings of the photos service."""

from mizzap_common.settings import DatabaseSettings, ImagingSettings, KeyRingSettings


class PhotosSettings(DatabaseSettings, ImagingSettings, KeyRingSettings):
    sweep_interval_seconds: float = 5.0
    sweep_after_seconds: float = 30.0
    """How long a step may take before the sweeper asks where it stays; doubled with each asking."""
    sweep_limit: int = 8
    """How often a step is asked for before the photo counts as failed."""
    orphan_after_hours: float = 24.0
    """Age at which a stored original without a photo is removed; far longer than any upload lasts."""
