"""Collections on disk: a folder each, with its configuration and one shard of the engine."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import qdrant_edge as edge

from mizzap_devstack.files import write_atomic
from mizzap_devstack.qdrant_server import requests, translate
from mizzap_devstack.qdrant_server.translate import Unsupported

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")


# Qdrant's own default, storage.optimizers.flush_interval_sec.
FLUSH_SECONDS = 5.0
Answer = TypeVar("Answer")


class NotFound(Exception):
    """No collection of that name."""


class Conflict(Exception):
    """A collection of that name is there already."""


class Rejected(Exception):
    """The engine refuses the request, for example a vector of another size; the text is the engine's."""


class Collection:
    """One loaded collection."""

    def __init__(self, folder: Path) -> None:
        self._created = requests.CreateCollection.model_validate_json((folder / "collection.json").read_text())
        self._shard = edge.EdgeShard.load(str(folder / "shard"))
        self._log = folder / "shard" / "wal"
        self._syncing: asyncio.Task[None] | None = None
        self._changed = True
        self._operations = itertools.count()

    async def update(self, operation: edge.UpdateOperation) -> dict[str, Any]:
        """Apply the operation and answer once the write-ahead log is on disk. Raises Rejected."""
        try:
            self._shard.update(operation)
        except Exception as error:  # the engine raises nothing finer
            raise Rejected(str(error)) from error
        self._changed = True
        if self._syncing is None:
            self._syncing = asyncio.create_task(self._sync_log())
        # Shielded: others wait for the same sync when this one's client hangs up.
        await asyncio.shield(self._syncing)
        return {"operation_id": next(self._operations), "status": "completed"}

    def read(self, ask: Callable[[edge.EdgeShard], Answer]) -> Answer:
        """Ask the engine. Raises Rejected."""
        try:
            return ask(self._shard)
        except Exception as error:  # the engine raises nothing finer
            raise Rejected(str(error)) from error

    def flush(self) -> None:
        """Bring the segments up to the log, so that the log can be cut and the next start is short."""
        if self._changed:
            self._changed = False
            self._shard.flush()

    def close(self) -> None:
        self._shard.close()

    async def _sync_log(self) -> None:
        """fsync the log's files and their folder; the engine replays them on load.

        A tenth of the time of the engine's own flush, which syncs some twenty files.
        """
        self._syncing = None  # updates before this point share this sync, later ones get their own
        # Opened before any later update can rotate the files away.
        descriptors = [os.open(path, os.O_RDONLY) for path in (self._log, *self._log.iterdir())]
        await asyncio.to_thread(_sync_and_close, descriptors)

    def describe(self) -> dict[str, Any]:
        """Qdrant's CollectionInfo."""
        info = self._shard.info()
        created = self._created.model_dump(exclude_none=True)
        hnsw = (self._created.hnsw_config or requests.HnswConfig()).model_dump(exclude_none=True)
        optimizer = {
            "deleted_threshold": 0.2,
            "vacuum_min_vector_number": 1000,
            "flush_interval_sec": int(FLUSH_SECONDS),
        }
        return {
            "status": "green",
            "optimizer_status": "ok",
            "points_count": info.points_count,
            "indexed_vectors_count": info.indexed_vectors_count,
            "segments_count": info.segments_count,
            "config": {
                "params": {
                    "vectors": created["vectors"],
                    "shard_number": 1,
                    "replication_factor": 1,
                    "write_consistency_factor": 1,
                    "on_disk_payload": created.get("on_disk_payload", True),
                },
                "hnsw_config": hnsw,
                "optimizer_config": optimizer | {"default_segment_number": 1},
                "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
            },
            "payload_schema": {name: _index(index) for name, index in info.payload_schema.items()},
        }


def _sync_and_close(descriptors: list[int]) -> None:
    try:
        for descriptor in descriptors:
            os.fsync(descriptor)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _index(index: edge.PayloadIndexInfo) -> dict[str, Any]:
    data_type = next(name for name, kind in translate.SCHEMAS.items() if kind == index.data_type)
    answer: dict[str, Any] = {"data_type": data_type, "points": index.points}
    if isinstance(index.params, edge.KeywordIndexParams):
        params = {"is_tenant": index.params.is_tenant, "on_disk": index.params.on_disk}
        answer["params"] = {"type": "keyword"} | {name: value for name, value in params.items() if value is not None}
    return answer


class Collections:
    """All collections of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for unfinished in folder.glob(".*"):  # made or deleted half-way when the process ended
            shutil.rmtree(unfinished)
        self._loaded = {path.name: Collection(path) for path in sorted(folder.iterdir()) if path.is_dir()}

    def names(self) -> list[str]:
        return sorted(self._loaded)

    def get(self, name: str) -> Collection:
        """Raises NotFound."""
        try:
            return self._loaded[name]
        except KeyError:
            raise NotFound(f"Collection `{name}` doesn't exist!") from None

    def create(self, name: str, request: requests.CreateCollection) -> None:
        """Make a collection; it is there as a whole or not at all. Raises Conflict, Unsupported or Rejected."""
        if not NAME.fullmatch(name):
            raise Unsupported(f"collection name {name!r}: letters, digits, _ . and - only")
        if name in self._loaded:
            raise Conflict(f"Collection `{name}` already exists!")
        unfinished = self._folder / f".creating-{name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        (unfinished / "shard").mkdir(parents=True)
        write_atomic(unfinished / "collection.json", request.model_dump_json(exclude_none=True))
        try:
            shard = edge.EdgeShard.create(str(unfinished / "shard"), translate.configuration(request))
        except Exception as error:  # the engine raises nothing finer
            raise Rejected(str(error)) from error
        shard.flush()
        shard.close()
        unfinished.rename(self._folder / name)
        self._loaded[name] = Collection(self._folder / name)

    def delete(self, name: str) -> bool:
        """Whether there was such a collection."""
        collection = self._loaded.pop(name, None)
        if collection is None:
            return False
        collection.close()
        trash = (self._folder / name).rename(self._folder / f".deleted-{name}")
        shutil.rmtree(trash)
        return True

    async def flush_regularly(self) -> None:
        """Flush what has changed, every FLUSH_SECONDS, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            for collection in list(self._loaded.values()):
                collection.flush()

    def close(self) -> None:
        for collection in self._loaded.values():
            collection.close()
