"""Qdrant: our own process over Qdrant's engine; see mizzap_devstack.qdrant_server."""

from __future__ import annotations

import sys
from pathlib import Path

from mizzap_devstack.files import create_folder
from mizzap_devstack.ports import HOST, Ports
from mizzap_devstack.program import Program, base_environment
from mizzap_devstack.servers.base import answers


class QdrantServer:
    """One qdrant_server process on a folder."""

    name = "qdrant"

    def __init__(self, data: Path, ports: Ports) -> None:
        self._folder = data / self.name
        self._port = ports.get("qdrant")

    @property
    def address(self) -> str:
        return f"{HOST}:{self._port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def prepare(self) -> None:
        create_folder(self._folder)

    def program(self) -> Program:
        argv = (
            sys.executable,
            "-m",
            "mizzap_devstack.qdrant_server",
            str(self._folder),
            str(self._port),
        )
        return Program(self.name, argv, base_environment())

    def is_ready(self) -> bool:
        return answers(f"{self.url}/readyz")

    def provision(self) -> None:
        """Nothing: each service makes its own collections."""
