"""`python -m mizzap_devstack.qdrant_server FOLDER PORT`."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from mizzap_devstack.ports import HOST
from mizzap_devstack.qdrant_server.app import create_app


def main() -> None:
    folder, port = sys.argv[1:]
    uvicorn.run(create_app(Path(folder)), host=HOST, port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
