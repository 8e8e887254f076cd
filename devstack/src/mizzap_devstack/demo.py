"""Runs a command against the stack that runs here, else against one on a fresh data folder: behind `make demo`.

`python -m mizzap_devstack.demo COMMAND …`: the command finds the gateway's address in MIZZAP_SERVER.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from mizzap_devstack.__main__ import default_data, stop_on_signals
from mizzap_devstack.errors import StackError
from mizzap_devstack.files import create_folder
from mizzap_devstack.lock import only_one
from mizzap_devstack.preflight import prepare_data_folder
from mizzap_devstack.progress import Progress
from mizzap_devstack.stack import Options, Stack, read_stack

INTERRUPTED = 130
"""What shells give for a command that Ctrl-C ended."""


def main() -> None:
    try:
        code = asyncio.run(run(sys.argv[1:]))
    except StackError as error:
        sys.exit(f"mizzap-devstack: {error}")
    except OSError as error:
        sys.exit(f"mizzap-devstack: {error.strerror or error}: {error.filename or 'no file named'}")
    sys.exit(code)


async def run(command: list[str]) -> int:
    """The command's exit code. Raises StackError."""
    state = read_stack(default_data())
    if state and state["gateway"]:
        return await call(command, state["gateway"])
    # beside the ordinary data: the originals need a real disk, and /tmp is memory on some machines
    folder = Path(tempfile.mkdtemp(prefix="demo-", dir=create_folder(default_data())))
    code = await run_on_fresh_stack(command, folder)
    if code not in (0, INTERRUPTED):
        print(f"The stack's logs are in {folder / 'logs'}.", file=sys.stderr)
        return code
    shutil.rmtree(folder)
    return code


async def run_on_fresh_stack(command: list[str], data: Path) -> int:
    """Starts a stack on ``data``, runs the command, stops the stack. Raises StackError."""
    prepare_data_folder(data)
    progress = Progress()
    progress.say("[bold]Starting MIZZAP[/] on a fresh data folder, for this demo only")
    with only_one(data):
        stack = Stack(Options(data), progress)
        stopped = stop_on_signals(stack)
        work = asyncio.create_task(start_and_call(stack, command))
        try:
            waited_for: set[asyncio.Future[Any]] = {work, stopped}
            await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
            return await work if work.done() else INTERRUPTED
        finally:
            work.cancel()
            await asyncio.wait([work])
            await stack.stop()


async def start_and_call(stack: Stack, command: list[str]) -> int:
    await stack.start()
    return await call(command, stack.gateway_url)


async def call(command: list[str], gateway: str) -> int:
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, "MIZZAP_SERVER": gateway})
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            # Ctrl-C reaches it too, being in our group; whatever ends us otherwise must end it as well
            process.send_signal(signal.SIGINT)
            await process.wait()


if __name__ == "__main__":
    main()
