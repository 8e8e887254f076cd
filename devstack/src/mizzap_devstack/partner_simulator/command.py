"""`mizzap-devstack partner`: the simulated partners of the stack on a data folder, until Ctrl-C."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import uvicorn

from mizzap_devstack.files import Passwords, create_folder
from mizzap_devstack.partner_simulator.app import Simulator
from mizzap_devstack.ports import HOST, Ports

PARTNERS = ("memopyk", "photall")
_PORT = "partner"
_SECRET_ID = "1"


def curation_settings(ports: Ports, passwords: Passwords) -> dict[str, str]:
    """What the curation service has to know to place orders with the simulated partners."""
    port = ports.kept(_PORT)
    settings = {}
    for partner in PARTNERS:
        settings[f"MIZZAP_{partner.upper()}_URL"] = f"http://{HOST}:{port}/{partner}"
        secrets = [{"id": _SECRET_ID, "secret": _secret(passwords, partner)}]
        settings[f"MIZZAP_{partner.upper()}_SECRETS"] = json.dumps(secrets)
    return settings


def serve(data: Path) -> None:
    """Runs until it is stopped. Orders placed before wait, and are sent once it is there."""
    create_folder(data)
    passwords = Passwords(data)
    simulator = Simulator({partner: {_SECRET_ID: _secret(passwords, partner)} for partner in PARTNERS})
    port = Ports(data, os.environ).kept(_PORT)
    print(
        f"MEMOPYK and photALL, simulated: http://{HOST}:{port}/memopyk/orders and …/photall/orders   Ctrl-C stops them."
    )
    uvicorn.run(simulator.app(), host=HOST, port=port, log_level="warning")


def _secret(passwords: Passwords, partner: str) -> str:
    """As Standard Webhooks write it."""
    return "whsec_" + base64.b64encode(passwords.get(f"partner-{partner}").encode()).decode()
