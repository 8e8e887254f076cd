"""What must be so before anything is started."""

from __future__ import annotations

import shutil
from pathlib import Path

from mizzap_devstack.errors import StackError
from mizzap_devstack.files import create_folder
from mizzap_devstack.ports import Ports, is_free

GIBIBYTE = 1024**3
NEEDED_BYTES = GIBIBYTE
GATEWAY_PORT = 8080


def prepare_data_folder(data: Path) -> None:
    """Make the folder and check its disk. Raises StackError."""
    create_folder(data)
    free = shutil.disk_usage(data).free
    if free < NEEDED_BYTES:
        raise StackError(
            f"The disk of {data} has {free / GIBIBYTE:.2f} GiB free and MIZZAP needs {NEEDED_BYTES / GIBIBYTE:.0f} GiB: "
            "free some space, or choose another folder with --data."
        )


def choose_gateway_port(ports: Ports, asked: int | None) -> int:
    """The port asked for, else 8080, else a free one. Raises StackError when the one asked for is taken."""
    if asked is not None:
        if not is_free(asked):
            raise StackError(f"Port {asked} is in use: stop what uses it, or choose another one with --port.")
        return asked
    return GATEWAY_PORT if is_free(GATEWAY_PORT) else ports.get("gateway")
