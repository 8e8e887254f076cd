"""All services' migrations in one process: what `python -m mizzap_NAME migrate` does, without starting Python six times.

`python -m mizzap_devstack.migrate` reads the databases' URLs from MIZZAP_DATABASE_URLS, a JSON object by service.
"""

from __future__ import annotations

import json
import os
import sys

from mizzap_common import migrations


def main() -> None:
    databases: dict[str, str] = json.loads(os.environ["MIZZAP_DATABASE_URLS"])
    for service, url in databases.items():
        try:
            migrations.upgrade(f"mizzap_{service}", url)
        except Exception as error:  # whatever alembic, SQLAlchemy or a migration raises, the user reads one line
            sys.exit(f"{service}: {type(error).__name__}: {' '.join(str(error).split())}")


if __name__ == "__main__":
    main()
