"""Settings from the environment: the same names on one machine and in Kubernetes."""

from pathlib import Path
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What every service needs to know about the world; a service adds its own in a subclass.

    Each field is read from the environment variable of its name with the prefix ``MIZZAP_``.
    """

    model_config = SettingsConfigDict(env_prefix="MIZZAP_", extra="ignore", frozen=True)

    environment: Literal["development", "production"] = "development"
    log_level: str = "INFO"
    host: str = "127.0.0.1"
    port: int = 8000

    nats_url: str = "nats://127.0.0.1:4222"
    nats_user: str = ""
    """Empty for a broker without users, as in tests."""
    nats_password: SecretStr = SecretStr("")
    nats_replicas: int = 1
    declare_streams: bool = True
    """Whether a service that finds its streams or durables gone declares them again by itself."""

    outside_subscribers: str = ""
    """Other teams' services with the events that each may read: `{"NAME": ["photo.processed"]}`, [] for all."""

    s3_endpoint: str = "127.0.0.1:8333"
    s3_secure: bool = False
    s3_access_key: str = ""
    s3_secret_key: SecretStr = SecretStr("")
    s3_bucket: str = "mizzap"
    s3_region: str = "us-east-1"

    handler_workers: int = 4
    """Events of one subject handled at the same time by one process."""
    broker_silence_seconds: float = 60.0
    """Liveness turns red when the broker has not answered for so long."""


class DatabaseSettings(Settings):
    """Settings of a service that owns a database."""

    database_url: SecretStr
    database_pool: int = 8


class KeyRingSettings(Settings):
    """Settings of a service that seals columns or signs links."""

    key_ring_file: Path
    """The service's own key ring, as `sealed.KeyRing.from_file` reads it."""


class ImagingSettings(Settings):
    """Settings of a service that decodes photos in child processes."""

    workers: int = 0
    """Child processes for decoding; 0 takes a default from the cores there are."""
    decode_timeout_seconds: float = 30.0
    decode_memory_bytes: int = 2 << 30


class ModelSettings(Settings):
    """Settings of a service that runs an embedding model."""

    model: Path | None = None
    """Folder of the model's bundle; None lets the one-machine default choose."""
