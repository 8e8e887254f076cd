"""The main job from end to end, as a user would do it: a folder of photos in, a report out."""

import asyncio
import secrets
import time
from datetime import datetime
from pathlib import Path

from rich.console import Console

from mizzap_client.api import AsyncClient
from mizzap_client.errors import Conflict
from mizzap_client.page import fetch_pictures, render_page
from mizzap_client.progress import Bars
from mizzap_client.report import Library, Report, Seconds, build_report, read_library
from mizzap_client.summary import print_summary
from mizzap_client.sync import Synced, sync
from mizzap_client.waiting import listening, until_processed


async def run_demo(
    client: AsyncClient, photos: Path, out: Path, console: Console, *, stall_seconds: float = 180.0, at_once: int = 4
) -> Report:
    """Registers a user of its own, so that a run starts from nothing; writes report.json and report.html into ``out``.

    Raises ClientError (Stalled, Unreachable) and OSError.
    """
    await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
    began = time.monotonic()
    console.print("[dim]The demo's user agrees to AI on the server: scores, moments and likeness need it.[/]")
    await _register(client)
    synced, processing = await _bring_and_wait(client, photos, console, stall_seconds, at_once)
    library = await read_library(client)
    seconds = _seconds(synced.seconds, processing, time.monotonic() - began)
    report = build_report(synced, library, seconds)
    await _write(client, report, library, photos, out)
    print_summary(console, report, library, folder=photos.name, out=out)
    return report


async def _register(client: AsyncClient) -> None:
    email, password = f"demo-{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(24)
    try:
        await client.register(email, password, full_name="Demo", ai=True)
    except Conflict:
        # a random address can only be taken by our own first try, whose answer was lost
        await client.login(email, password)


async def _bring_and_wait(
    client: AsyncClient, photos: Path, console: Console, stall_seconds: float, at_once: int
) -> tuple[Synced, float]:
    """What became of the files, and the seconds from the last upload until all was processed."""
    # it listens from the start on: the server begins while we are still uploading
    async with listening(client) as listener:
        with Bars(console) as bars:
            synced = await sync(client, photos, at_once=at_once, watch=bars)
            uploaded = time.monotonic()
            await until_processed(client, listener, bars.processing, stall_seconds=stall_seconds)
            bars.processed("all done")
    return synced, time.monotonic() - uploaded


async def _write(client: AsyncClient, report: Report, library: Library, photos: Path, out: Path) -> None:
    report.write(out / "report.json")
    pictures = await fetch_pictures(client, library)
    page = render_page(report, library, pictures, folder=photos.name, made=datetime.now())
    (out / "report.html").write_text(page, encoding="utf-8")


def _seconds(upload: float, processing: float, total: float) -> Seconds:
    return Seconds(upload=round(upload, 2), processing=round(processing, 2), total=round(total, 2))
