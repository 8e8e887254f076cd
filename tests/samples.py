"""A small library of samples, brought by the client and processed, for whoever needs one on a whole stack."""

import asyncio
from pathlib import Path

from mizzap_client import AsyncClient
from mizzap_client.samples import make_samples
from mizzap_client.sync import sync
from mizzap_client.waiting import listening, until_processed


async def bring_samples(client: AsyncClient, folder: Path) -> list[int]:
    """Ids of those that came through."""
    await sync(client, await asyncio.to_thread(make_samples, folder / "samples"))
    async with listening(client) as listener:
        await until_processed(client, listener, lambda *_: None)
    return [photo.id async for photo in client.photos(status="processed")]
