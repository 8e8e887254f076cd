"""`mizzap-devstack up`: the command behind `make run`. `mizzap-devstack partner`: who takes its orders."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from mizzap_devstack.errors import StackError
from mizzap_devstack.lock import only_one
from mizzap_devstack.partner_simulator.command import serve as simulate_partners
from mizzap_devstack.preflight import prepare_data_folder
from mizzap_devstack.progress import Progress
from mizzap_devstack.services import SERVICE_COMMAND
from mizzap_devstack.stack import Options, Stack

OLDEST_PYTHON = (3, 11)


def main() -> None:
    """Run the command line; what the user can put right ends it with one sentence and code 1."""
    try:
        if sys.version_info < OLDEST_PYTHON:
            raise StackError(f"MIZZAP needs Python 3.11 or newer, this is {sys.version.split()[0]}.")
        given = arguments(sys.argv[1:])
        if given.command == "partner":
            simulate_partners(given.data.resolve())
        else:
            asyncio.run(up(options_of(given)))
    except StackError as error:
        sys.exit(f"mizzap-devstack: {error}")
    except OSError as error:  # the disk is full, a program may not be run, …
        sys.exit(f"mizzap-devstack: {error.strerror or error}: {error.filename or 'no file named'}")


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mizzap-devstack", description="The whole of MIZZAP on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("up", help="start it; Ctrl-C stops it")
    partner = commands.add_parser("partner", help="beside it: play MEMOPYK and photALL, who take the orders")
    for each in (command, partner):
        each.add_argument(
            "--data", type=Path, default=default_data(), help="folder for all data (default: %(default)s)"
        )
    command.add_argument(
        "--port", type=int, default=default_port(), help="the gateway's port (default: 8080, or a free one)"
    )
    command.add_argument("--servers-only", action="store_true", help="only NATS, PostgreSQL, S3 and Qdrant")
    command.add_argument(
        "--service-command",
        default=SERVICE_COMMAND,
        metavar="TEMPLATE",
        help="how a service is started (default: %(default)s)",
    )
    return parser.parse_args(words)


def options_of(given: argparse.Namespace) -> Options:
    return Options(given.data.resolve(), given.port, given.servers_only, given.service_command)


def default_data() -> Path:
    """MIZZAP_DATA, else `.data` in the project, or in the working folder where this isn't run from the project."""
    if folder := os.environ.get("MIZZAP_DATA"):
        return Path(folder)
    project = Path(__file__).resolve().parents[3]
    return (project if (project / "Makefile").exists() else Path.cwd()) / ".data"


def default_port() -> int | None:
    """MIZZAP_PORT, where it is set. Raises StackError when that is no port."""
    text = os.environ.get("MIZZAP_PORT", "")
    if text and not (text.isdigit() and 0 < int(text) < 65_536):
        raise StackError(f"MIZZAP_PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text) if text else None


async def up(options: Options) -> None:
    """Start the stack and keep it running until SIGINT, SIGTERM or SIGHUP. Raises StackError."""
    prepare_data_folder(options.data)
    progress = Progress()
    with only_one(options.data):
        stack = Stack(options, progress)
        stopped = stop_on_signals(stack)
        starting = asyncio.create_task(stack.start())
        try:
            await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
                await announce(stack, options, progress)
                await stopped
        finally:
            starting.cancel()
            await asyncio.wait([starting])
            progress.say("Stopping …")
            await stack.stop()


def stop_on_signals(stack: Stack) -> asyncio.Future[None]:
    """A future that the first signal completes; a second one kills what does not stop fast enough."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[None] = loop.create_future()

    def stop() -> None:
        if stopped.done():
            stack.supervisor.kill()
        else:
            stopped.set_result(None)

    loop.add_signal_handler(signal.SIGINT, stop)
    loop.add_signal_handler(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        loop.add_signal_handler(signal.SIGHUP, stop)
    return stopped


async def announce(stack: Stack, options: Options, progress: Progress) -> None:
    """Say where everything is."""
    if options.servers_only:
        progress.say(f"\nThe servers are up; their addresses are in {options.data / 'stack.json'}. Ctrl-C stops them.")
        return
    model = await stack.model()
    progress.say(f"\n[bold]MIZZAP is up: {stack.gateway_url}[/]   Ctrl-C stops it.")
    progress.say(f"Model: {model or 'none (exact, pixel and near duplicates only)'}")
    progress.say(f"Data:  {options.data}")


if __name__ == "__main__":
    main()
