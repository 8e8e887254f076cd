"""What every embedded server is to the supervisor and to the tests."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Protocol

import httpx

from mizzap_devstack.errors import StackError
from mizzap_devstack.program import Program

# One for all looks, because making a client costs more than a look; without kept connections, because servers restart.
_CLIENT = httpx.Client(timeout=1.0, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


class Server(Protocol):
    """One embedded server over a folder of its own. The methods block; call them in this order."""

    name: str

    @property
    def address(self) -> str:
        """host:port, for people."""

    def prepare(self) -> None:
        """Make folders and configuration; harmless when they are there. Raises StackError."""

    def program(self) -> Program:
        """How to start it; the same at every restart."""

    def is_ready(self) -> bool:
        """One quick look whether it answers."""

    def provision(self) -> None:
        """Make what the services expect inside the ready server; harmless when it is there. Raises StackError."""


def find_executable(name: str, wheel: str) -> str:
    """The path of a program that a wheel put beside this Python. Raises StackError when it isn't there."""
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.is_file():
        raise StackError(
            f"The program {name} is missing from {path.parent}: install the package {wheel} (make install)."
        )
    return str(path)


def answers(url: str) -> bool:
    """Whether an HTTP GET of `url` on this machine is answered with 200 within a second."""
    try:
        return _CLIENT.get(url).status_code == 200
    except httpx.TransportError:
        return False
