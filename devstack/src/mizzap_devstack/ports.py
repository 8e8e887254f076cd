"""Loopback ports: set by environment, else chosen free once and remembered in the data folder."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Mapping
from pathlib import Path

from mizzap_devstack.errors import StackError
from mizzap_devstack.files import read_json, write_atomic

HOST = "127.0.0.1"
# Below Linux's ephemeral range (32768 up): no outgoing connection can take the port while its server restarts.
CHOICE = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


class Ports:
    """A port per name, the same at every start of one data folder, so that clients can reconnect."""

    def __init__(self, data: Path, environment: Mapping[str, str]) -> None:
        self._path = data / "ports.json"
        self._environment = environment
        self._known: dict[str, int] = read_json(self._path)

    def get(self, name: str, twin: int = 0) -> int:
        """The port called `name`; with `twin`, the port that many above it is free as well.

        Raises:
            StackError: the environment (MIZZAP_<NAME>_PORT) asks for a port that is taken or is none.
        """
        asked = self._environment.get(f"MIZZAP_{name.upper().replace('.', '_')}_PORT")
        if asked:
            return self._asked(name, asked)
        known = self._known.get(name)
        if known is None or not self._usable(known, twin):
            known = self._choose(twin)
        return self.remember(name, known)

    def kept(self, name: str) -> int:
        """As `get`, but a remembered port is kept though it is taken: by the very program that it is for."""
        if not self._environment.get(f"MIZZAP_{name.upper()}_PORT") and name in self._known:
            return self._known[name]
        return self.get(name)

    def remember(self, name: str, port: int) -> int:
        """Keep `port` for `name` at the next starts too."""
        if self._known.get(name) != port:
            self._known[name] = port
            write_atomic(self._path, json.dumps(self._known, indent=2))
        return port

    def _asked(self, name: str, text: str) -> int:
        if not text.isdigit() or not 0 < int(text) < 65_536:
            raise StackError(f"The port for {name} must be a number from 1 to 65535, not {text!r}.")
        if not is_free(int(text)):
            raise StackError(f"Port {text}, asked for {name}, is in use: choose another one, or stop what uses it.")
        return int(text)

    def _choose(self, twin: int) -> int:
        taken = set(self._known.values())
        candidates = [port for port in CHOICE if port not in taken and port + twin < CHOICE.stop]
        random.shuffle(candidates)
        for port in candidates:
            if self._usable(port, twin):
                return port
        raise StackError(f"No port from {CHOICE.start} to {CHOICE.stop} is free on {HOST}.")

    @staticmethod
    def _usable(port: int, twin: int) -> bool:
        return is_free(port) and (not twin or is_free(port + twin))
