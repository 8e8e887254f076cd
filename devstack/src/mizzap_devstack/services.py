"""The seven services: how each is started and the settings it needs, and no more than those."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from mizzap_common.contracts.permissions import OPERATOR

from mizzap_devstack.broker_users import BrokerUsers
from mizzap_devstack.errors import StackError
from mizzap_devstack.keys import Keys
from mizzap_devstack.ports import HOST, Ports
from mizzap_devstack.program import Program, base_environment
from mizzap_devstack.servers import NatsServer, PostgresServer, QdrantServer, S3Server
from mizzap_devstack.servers.postgres import SERVICES_WITH_DATABASE

SERVICES = ("gateway", "auth", "photos", "albums", "thumbs", "dedup", "curation")
SERVICE_COMMAND = "{python} -m mizzap_{service}"
# Uvicorn gives open requests ten seconds, and a handler may finish its photo.
SERVICE_GRACE = 20.0
# What a service gets from us or not at all, whatever the user's environment says.
_OURS = {
    "MIZZAP_NATS_URL",
    "MIZZAP_NATS_USER",
    "MIZZAP_NATS_PASSWORD",
    "MIZZAP_OUTSIDE_SUBSCRIBERS",
    "MIZZAP_DATABASE_URL",
    "MIZZAP_S3_ENDPOINT",
    "MIZZAP_S3_SECURE",
    "MIZZAP_S3_ACCESS_KEY",
    "MIZZAP_S3_SECRET_KEY",
    "MIZZAP_S3_BUCKET",
    "MIZZAP_QDRANT_URL",
    "MIZZAP_MODEL",
    "MIZZAP_SIGNING_KEY_FILE",
    "MIZZAP_KEY_RING_FILE",
    "MIZZAP_HOST",
    "MIZZAP_DATA",
}


@dataclass(frozen=True)
class Servers:
    """The four embedded servers of one stack."""

    nats: NatsServer
    postgres: PostgresServer
    s3: S3Server
    qdrant: QdrantServer

    def all(self) -> tuple[NatsServer, PostgresServer, S3Server, QdrantServer]:
        return (self.nats, self.postgres, self.s3, self.qdrant)


@dataclass(frozen=True)
class Services:
    """Makes the programs of the services over `servers`; `command` is a template with {python} and {service}."""

    servers: Servers
    ports: Mapping[str, int]
    keys: Keys
    users: BrokerUsers
    command: str = SERVICE_COMMAND
    partner_settings: Mapping[str, str] = field(default_factory=dict)
    """What curation has to know of the simulated partners, unless the user names others."""

    def url(self, service: str) -> str:
        return f"http://{HOST}:{self.ports[service]}"

    def program(self, service: str) -> Program:
        words = {"python": sys.executable, "service": service}
        try:
            argv = tuple(word.format(**words) for word in shlex.split(self.command))
        except (KeyError, IndexError, ValueError) as error:
            raise StackError(
                f"--service-command {self.command!r} is no template with {{python}} and {{service}}."
            ) from error
        return Program(
            service, argv, self.environment(service), grace=SERVICE_GRACE, live_url=f"{self.url(service)}/live"
        )

    def migrations(self) -> Program:
        urls = {service: self.servers.postgres.database_url(service) for service in SERVICES_WITH_DATABASE}
        environment = base_environment() | {"MIZZAP_DATABASE_URLS": json.dumps(urls)}
        return Program("migrations", (sys.executable, "-m", "mizzap_devstack.migrate"), environment)

    def streams(self) -> Program:
        environment = base_environment() | {
            "MIZZAP_NATS_URL": self.servers.nats.url,
            "MIZZAP_OUTSIDE_SUBSCRIBERS": self.users.outside,
            **self.users.settings(OPERATOR),
        }
        return Program("streams", (sys.executable, "-m", "mizzap_common.streams"), environment)

    def environment(self, service: str) -> dict[str, str]:
        """All the environment of one service."""
        store = self.servers.s3.settings
        given = passed_on(os.environ)
        partners = {**self._simulated(given), "MIZZAP_PUBLIC_URL": self.url("gateway")} if service == "curation" else {}
        settings = {
            "MIZZAP_ENVIRONMENT": "development",
            **partners,
            **given,
            "MIZZAP_HOST": HOST,
            "MIZZAP_PORT": str(self.ports[service]),
            "MIZZAP_NATS_URL": self.servers.nats.url,
            **self.users.settings(service),
            "MIZZAP_S3_ENDPOINT": store.endpoint,
            "MIZZAP_S3_SECURE": "false",
            "MIZZAP_S3_ACCESS_KEY": store.access_key,
            "MIZZAP_S3_SECRET_KEY": store.secret_key,
            "MIZZAP_S3_BUCKET": store.bucket,
            "MIZZAP_KEY_RING_FILE": str(self.keys.ring(service)),
        }
        if service in SERVICES_WITH_DATABASE:
            settings["MIZZAP_DATABASE_URL"] = self.servers.postgres.database_url(service)
        if service == "auth":
            settings["MIZZAP_SIGNING_KEY_FILE"] = str(self.keys.signing_key)
        if service == "dedup":
            settings["MIZZAP_QDRANT_URL"] = self.servers.qdrant.url
            if model := os.environ.get("MIZZAP_MODEL"):
                settings["MIZZAP_MODEL"] = model
        return base_environment() | settings

    def _simulated(self, given: Mapping[str, str]) -> dict[str, str]:
        """The simulated partners' settings, without those of a partner about whom the user says anything."""

        def is_named(setting: str) -> bool:
            partner = setting.rpartition("_")[0]
            return any(name.startswith(f"{partner}_") for name in given)

        return {name: value for name, value in self.partner_settings.items() if not is_named(name)}


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """The user's own settings for all services, such as MIZZAP_WORKERS or OTEL_EXPORTER_OTLP_ENDPOINT."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(("MIZZAP_", "OTEL_")) and name not in _OURS and not name.endswith("_PORT")
    }


def allot_ports(ports: Ports, gateway: int) -> dict[str, int]:
    """Service → HTTP port; the gateway's is given."""
    return {service: gateway if service == "gateway" else ports.get(service) for service in SERVICES}
