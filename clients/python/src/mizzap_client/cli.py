"""The command `mizzap`."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from filelock import AsyncFileLock
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mizzap_client import cli_leaving, operations
from mizzap_client.api import AsyncClient
from mizzap_client.config import Login, SharedLogin, load_login, lock_file, save_login
from mizzap_client.connection import LOCK_SECONDS
from mizzap_client.demo import run_demo
from mizzap_client.errors import ClientError
from mizzap_client.models import Session
from mizzap_client.progress import Bars, human_size
from mizzap_client.samples import make_samples
from mizzap_client.schemas import CuratedSet, DuplicateStats, NamedDuplicate, Photo
from mizzap_client.summary import LANE_STYLES
from mizzap_client.sync import Synced
from mizzap_client.sync import sync as sync_folder

DEFAULT_SERVER = "http://127.0.0.1:8080"
PATIENCE_SECONDS = 60.0
"""So long a request is repeated while the server is away."""
_AI_QUESTION = "May the server look at your photos' content with AI (scores, best moments, likeness)?"
T = TypeVar("T")

app = typer.Typer(
    help="Photos go in; duplicates, thumbnails and the best moments come out.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
)  # fmt: skip
console = Console(highlight=False, soft_wrap=True)

Server = Annotated[str, typer.Option(envvar="MIZZAP_SERVER", help="The gateway's address.")]
Email = Annotated[str | None, typer.Argument(help="Your e-mail address; asked for when it is not given.")]
Ai = Annotated[bool | None, typer.Option("--ai/--no-ai", help="Agree to AI on the server; asked for when not given.")]
Password = Annotated[str | None, typer.Option(envvar="MIZZAP_PASSWORD", help="Asked for when it is not given.")]
AtOnce = Annotated[int, typer.Option(min=1, max=16, help="Uploads at the same time.")]
Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, readable=True, help="Every file under it goes.")]


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs it; what goes wrong ends the command with one sentence and status 1."""
    try:
        return asyncio.run(work)
    except (ClientError, OSError) as error:
        Console(stderr=True, highlight=False).print(Text.assemble(("Error: ", "bold red"), str(error)), soft_wrap=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


async def as_user(work: Callable[[AsyncClient], Awaitable[T]]) -> T:
    """Calls ``work`` as the user who is logged in."""
    login = load_login()
    shared = SharedLogin(login)
    async with AsyncClient(
        login.server, login.session, on_session=shared.save, shared=shared, patience=PATIENCE_SECONDS
    ) as client:
        return await work(client)


async def begin_session(server: str, begin: Callable[[AsyncClient], Awaitable[Session]]) -> None:
    async with AsyncClient(server, patience=PATIENCE_SECONDS) as client:
        begun = Login(server=server, session=await begin(client))
    # who renews the last login at this moment would put it in the place of this one
    async with AsyncFileLock(lock_file(), timeout=LOCK_SECONDS):
        save_login(begun)


@app.command()
def register(email: Email = None, password: Password = None, server: Server = DEFAULT_SERVER, ai: Ai = None) -> None:
    """Makes an account and logs in."""
    address = email or str(typer.prompt("E-mail"))
    secret = password or str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    agreed = typer.confirm(_AI_QUESTION) if ai is None else ai
    run(begin_session(server, lambda client: client.register(address, secret, ai=agreed)))
    console.print(f"[green]✓[/] registered at {server}, {'with' if agreed else 'without'} AI on the server")


@app.command()
def consent(ai: Annotated[bool, typer.Option("--ai/--no-ai", help="AI on the server, or none.")]) -> None:
    """Agrees to AI on the server, or takes that back: what it had made of your photos is then removed."""
    run(as_user(lambda client: client.consent("ai", ai)))
    console.print(f"[green]✓[/] {'with' if ai else 'without'} AI on the server from now on")


@app.command()
def login(email: Email = None, password: Password = None, server: Server = DEFAULT_SERVER) -> None:
    """Logs in; the session is kept in a file that only you can read."""
    address = email or str(typer.prompt("E-mail"))
    secret = password or str(typer.prompt("Password", hide_input=True))
    run(begin_session(server, lambda client: client.login(address, secret)))
    console.print(f"[green]✓[/] logged in at {server}")


@app.command()
def sync(folder: Folder, at_once: AtOnce = 4) -> None:
    """Sends every file under FOLDER that the server lacks. Run it again whenever you like."""

    async def work(client: AsyncClient) -> Synced:
        with Bars(console) as bars:
            return await sync_folder(client, folder, at_once=at_once, watch=bars)

    done = run(as_user(work))
    console.print(
        f"\n[bold]{len(done.outcomes)}[/] files: {done.count('stored')} sent ({human_size(done.bytes_sent)}), "
        f"{done.count('adopted')} copies of what was there, {done.count('known')} known, {len(done.failed)} not taken in"
        + (f"; {len(done.junk)} left out (.DS_Store and the like)" if done.junk else "")
    )
    raise typer.Exit(2 if done.failed else 0)


@app.command()
def ls(status: Annotated[str | None, typer.Option(help="pending, uploaded, processed or failed.")] = None) -> None:
    """Lists your photos."""

    async def work(client: AsyncClient) -> list[Photo]:
        return [photo async for photo in client.photos(**({"status": status} if status else {}))]

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("id", "status", "size", "pixels", "taken", "quality", "file"):
        table.add_column(name, overflow="fold")
    for photo in run(as_user(work)):
        pixels = f"{photo.width}×{photo.height}" if photo.width else ""
        taken = f"{photo.taken_at:%Y-%m-%d %H:%M}" if photo.taken_at else ""
        quality = "" if photo.quality_score is None else f"{photo.quality_score:.2f}"
        shown = Text.assemble(photo.file_name, ("  duplicates" if photo.has_duplicates else "", "yellow"))
        table.add_row(str(photo.id), photo.status, human_size(photo.file_size), pixels, taken, quality, shown)
    console.print(table)


@app.command()
def duplicates() -> None:
    """Lists the pairs that were found, with the reasons."""

    async def work(client: AsyncClient) -> tuple[list[NamedDuplicate], DuplicateStats]:
        return [pair async for pair in client.duplicates()], (await client.ask(operations.get_duplicate_stats())).data

    pairs, stats = run(as_user(work))
    for pair in pairs:
        keeper, copy = (photo.file_name if photo else "?" for photo in (pair.primary_photo, pair.duplicate_photo))
        lane = (f"{pair.lane:<8}", LANE_STYLES[pair.lane])
        console.print(
            Text.assemble((f"{pair.id:>6}  ", "dim"), lane, (keeper, "green"), " ← ", copy, f"  {pair.action}")
        )
        console.print(Text("".join(f"                {reason}\n" for reason in pair.reasons), "dim"), end="")
    console.print(f"[bold]{stats.total_duplicates}[/] duplicates, {stats.space_to_free} could be freed")


@app.command()
def moments() -> None:
    """Shows your best moments."""

    async def work(client: AsyncClient) -> tuple[CuratedSet, dict[int, str]]:
        return await client.moments(), {photo.id: photo.file_name async for photo in client.photos()}

    chosen, names = run(as_user(work))
    for number, moment in enumerate(chosen.moments, 1):
        name = names.get(moment.photo_id, "?")
        console.print(Text.assemble((f"{number:>3}  ", "dim"), name, (f"  {' '.join(moment.reasons)}", "dim")))
    state = "" if chosen.up_to_date else "; it is being chosen anew"
    console.print(f"[bold]{len(chosen.moments)}[/] of {chosen.photos} photos, {chosen.status}{state}")


@app.command()
def demo(
    photos: Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="Your folder of photos.")] = None,
    out: Annotated[Path, typer.Option(file_okay=False, help="Where the report goes.")] = Path("out"),
    server: Server = DEFAULT_SERVER,
    at_once: AtOnce = 4,
    stall_seconds: Annotated[float, typer.Option(help="Give up when nothing moves for so long.")] = 180.0,
) -> None:
    """The main job from end to end as a new user; without --photos over a small set that it makes itself."""

    async def work(folder: Path) -> None:
        async with AsyncClient(server, patience=PATIENCE_SECONDS) as client:
            await run_demo(client, folder, out, console, stall_seconds=stall_seconds, at_once=at_once)

    if photos is not None:
        run(work(photos.resolve()))
        return
    with tempfile.TemporaryDirectory(prefix="mizzap-") as folder:
        with console.status("Painting some photos to try MIZZAP with …"):
            samples = make_samples(Path(folder) / "Sample photos")
        run(work(samples))


cli_leaving.add_to(app, lambda work: run(as_user(work)), console)
