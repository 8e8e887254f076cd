"""Says whether each service's models and migrations make the same tables, on a database of its own."""

import logging
import sys
import tempfile
from pathlib import Path

from alembic.util import CommandError
from mizzap_common import migrations
from mizzap_common.contracts import catalog
from mizzap_devstack.testing import TestServers


def main() -> None:
    logging.disable()
    drifted = []
    with tempfile.TemporaryDirectory() as folder:
        servers = TestServers(Path(folder))
        try:
            for service in catalog.SERVICES:
                if service == "gateway":
                    continue
                url = servers.create_database(service)
                migrations.upgrade(f"mizzap_{service}", url)
                try:
                    migrations.check(f"mizzap_{service}", url)
                except CommandError as error:
                    drifted.append(f"{service}: {error}")
        finally:
            servers.stop()
    if drifted:
        sys.exit("Models and migrations differ. " + "\\n".join(drifted))
    print("Migrations make what the models say.")


if __name__ == "__main__":
    main()
