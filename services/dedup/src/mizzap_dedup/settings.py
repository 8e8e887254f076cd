"""Settings of the dedup service."""

from mizzap_common.settings import DatabaseSettings, ImagingSettings, ModelSettings
from pydantic import SecretStr


class DedupSettings(DatabaseSettings, ImagingSettings, ModelSettings):
    qdrant_url: str = "http://127.0.0.1:6333"
    """Empty where there is no Qdrant; a model needs one."""
    qdrant_api_key: SecretStr | None = None
    qdrant_timeout_seconds: int = 10
