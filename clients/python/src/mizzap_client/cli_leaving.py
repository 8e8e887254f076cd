"""The commands `mizzap export` and `mizzap import`."""

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from mizzap_client.api import AsyncClient
from mizzap_client.exporting import export_library
from mizzap_client.importing import Imported, import_archive
from mizzap_client.progress import human_size
from mizzap_client.schemas import Export

RunAsUser = Callable[[Callable[[AsyncClient], Awaitable[Any]]], Any]


def add_to(app: typer.Typer, run_as_user: RunAsUser, console: Console) -> None:
    @app.command("export")
    def export(
        out: Annotated[Path | None, typer.Option(dir_okay=False, help="The file to write.")] = None,
    ) -> None:
        """Downloads everything of yours in one file. Run it again when it was stopped: it goes on."""
        target = out or Path(f"mizzap-export-{date.today():%Y-%m-%d}.zip")

        async def work(client: AsyncClient) -> Path:
            with console.status("Asking for an export …") as status:

                def watch(now: Export) -> None:
                    done = f"{now.photos_done} of {now.photos_total} photos, {human_size(now.bytes_done)}"
                    status.update(f"The server builds it: {done}")

                def on_bytes(here: int, total: int) -> None:
                    status.update(f"Downloading: {human_size(here)} of {human_size(total)}")

                return await export_library(client, target, watch, on_bytes)

        path = run_as_user(work)
        console.print(f"[green]✓[/] {path} ({human_size(path.stat().st_size)})")

    @app.command("import")
    def import_(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An export.")]) -> None:
        """Brings an export into your account. Run it again when it was stopped: it goes on."""

        async def work(client: AsyncClient) -> Imported:
            with console.status("Reading the export …") as status:
                return await import_archive(
                    client, file, lambda done, total: status.update(f"{done} of {total} photos")
                )

        done: Imported = run_as_user(work)
        console.print(
            f"[bold]{done.photos}[/] photos are there with identical hashes ({done.sent} sent), {done.favourites} favourites, "
            f"{done.albums} albums, {done.decisions} decisions, {done.wishes} wishes for the best moments"
        )
        for problem in done.problems:
            console.print(Text.assemble(("  ✗ ", "red"), problem))
        raise typer.Exit(2 if done.problems else 0)
