"""What the embedded Qdrant has acknowledged is on disk, and not just in the kernel's cache."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest
import qdrant_edge as edge
from mizzap_devstack.qdrant_server.collections import Collections
from mizzap_devstack.qdrant_server.requests import CreateCollection, VectorParams


def point(number: int) -> edge.UpdateOperation:
    return edge.UpdateOperation.upsert_points([edge.Point(number, [float(number), 1.0])])


async def test_the_synced_log_alone_brings_back_every_acknowledged_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut keeps what was synced: the segments as they were flushed first, and the log as it was synced last."""
    synced: dict[str, bytes] = {}
    real = os.fsync

    def fsync(descriptor: int) -> None:
        real(descriptor)
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if path.is_file() and path.parent.name == "wal":
            synced[path.name] = path.read_bytes()

    monkeypatch.setattr(os, "fsync", fsync)
    (tmp_path / "live").mkdir()
    collections = Collections(tmp_path / "live")
    collections.create("photos", CreateCollection(vectors=VectorParams(size=2, distance="Dot")))
    shutil.copytree(tmp_path / "live", tmp_path / "cut")
    for number in range(10):
        await collections.get("photos").update(point(number))

    log = tmp_path / "cut" / "photos" / "shard" / "wal"
    for name, content in synced.items():
        (log / name).write_bytes(content)
    after = Collections(tmp_path / "cut").get("photos")
    assert after.read(lambda shard: shard.count(edge.CountRequest())) == 10


async def test_updates_that_arrive_together_share_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collections = Collections(tmp_path)
    collections.create("photos", CreateCollection(vectors=VectorParams(size=2, distance="Dot")))
    syncs = 0
    real = os.fsync

    def fsync(descriptor: int) -> None:
        nonlocal syncs
        syncs += Path(os.readlink(f"/proc/self/fd/{descriptor}")).name == "open-1"
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    await asyncio.gather(*(collections.get("photos").update(point(number)) for number in range(20)))
    assert syncs == 1


def test_a_half_made_collection_is_gone_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / ".creating-photos" / "shard").mkdir(parents=True)
    assert Collections(tmp_path).names() == []
    assert list(tmp_path.iterdir()) == []
