"""Objects in any S3-compatible store. Every key begins with its owner: ``user-{id}/…``; the ledger's are nobody's."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import BinaryIO

import urllib3
from minio import Minio
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from mizzap_common.errors import NotFound
from mizzap_common.settings import Settings

_CHUNK = 1 << 18
PART_BYTES = 8 << 20
"""Size of a multipart upload's parts: what one running upload holds in memory."""


STORE_ERRORS = (MinioException, HTTPError, OSError)
"""What the client raises when the store does not do what was asked: out of reach, starting, refusing."""


@dataclass(frozen=True)
class ObjectInfo:
    key: str
    size_bytes: int
    modified: datetime | None


def original_key(user_id: int, sha256: str) -> str:
    """Where a user's original lies: once, however often it was uploaded."""
    return f"user-{user_id}/originals/{sha256}"


def renditions_prefix(user_id: int) -> str:
    return f"user-{user_id}/thumbnails/"


def rendition_prefix(user_id: int, photo_id: int) -> str:
    return f"{renditions_prefix(user_id)}{photo_id}/"


def _is_missing(error: S3Error) -> bool:
    return error.code in ("NoSuchKey", "NoSuchObject", "NotFound")


class Storage:
    """The object store, for asyncio: minio's client is synchronous, so each call runs in a thread."""

    def __init__(self, settings: Settings) -> None:
        self.bucket = settings.s3_bucket
        self.client = Minio(
            settings.s3_endpoint,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key.get_secret_value(),
            secure=settings.s3_secure,
            region=settings.s3_region,
            http_client=urllib3.PoolManager(
                maxsize=32,
                timeout=urllib3.Timeout(connect=5, read=60),
                retries=urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)),
            ),
        )

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        await asyncio.to_thread(
            self.client.put_object, self.bucket, key, BytesIO(data), len(data), content_type=content_type
        )

    async def put_stream(self, key: str, stream: BinaryIO, content_type: str, part_bytes: int = PART_BYTES) -> None:
        """Stores what ``stream`` reads, of unknown length, a part at a time, 10,000 at most. Its ``read`` runs in a
        thread.

        What ``stream`` raises aborts the upload: nothing appears under ``key``, and what lay there stays.
        """

        def put() -> None:
            # one part at a time: minio's pool of three would hold three more parts, and leak its threads on an abort
            self.client.put_object(
                self.bucket, key, stream, -1, content_type=content_type, part_size=part_bytes, num_parallel_uploads=1
            )

        await asyncio.to_thread(put)

    async def copy(self, source: str, target: str) -> None:
        """Copies an object inside the store. Raises NotFound when there is no ``source``."""
        try:
            await asyncio.to_thread(self.client.copy_object, self.bucket, target, CopySource(self.bucket, source))
        except S3Error as error:
            if _is_missing(error):
                raise NotFound("The object is not there.", code="OBJECT_MISSING") from error
            raise

    async def get(self, key: str) -> bytes:
        """The whole object. Raises NotFound when there is none."""

        def read() -> bytes:
            response = self.client.get_object(self.bucket, key)
            try:
                return bytes(response.read())
            finally:
                response.close()
                response.release_conn()

        try:
            return await asyncio.to_thread(read)
        except S3Error as error:
            if _is_missing(error):
                raise NotFound("The object is not there.", code="OBJECT_MISSING") from error
            raise

    async def open(self, key: str, offset: int = 0, length: int = 0) -> AsyncIterator[bytes]:
        """The object in chunks, for answers that must not hold it whole. Raises NotFound before the first chunk.

        ``offset`` and ``length`` in bytes; a length of 0 reads to the end.
        """
        try:
            response = await asyncio.to_thread(self.client.get_object, self.bucket, key, offset, length)
        except S3Error as error:
            if _is_missing(error):
                raise NotFound("The object is not there.", code="OBJECT_MISSING") from error
            raise

        async def chunks() -> AsyncIterator[bytes]:
            try:
                while chunk := await asyncio.to_thread(response.read, _CHUNK):
                    yield chunk
            finally:
                response.close()
                response.release_conn()

        return chunks()

    async def stat(self, key: str) -> ObjectInfo | None:
        """None when there is no such object."""
        try:
            found = await asyncio.to_thread(self.client.stat_object, self.bucket, key)
        except S3Error as error:
            if _is_missing(error):
                return None
            raise
        return ObjectInfo(key, found.size or 0, found.last_modified)

    async def list(self, prefix: str) -> list[ObjectInfo]:
        def read() -> Iterator[ObjectInfo]:
            for item in self.client.list_objects(self.bucket, prefix=prefix, recursive=True):
                yield ObjectInfo(item.object_name or "", item.size or 0, item.last_modified)

        return await asyncio.to_thread(lambda: list(read()))

    async def remove(self, *keys: str) -> None:
        """Removes objects; those that are gone already are no error."""

        def remove() -> list[str]:
            errors = self.client.remove_objects(self.bucket, (DeleteObject(key) for key in keys))
            return [f"{e.code} {e.name}" for e in errors if e.code not in ("NoSuchKey", "NotFound")]

        if failed := await asyncio.to_thread(remove):
            raise OSError(f"objects could not be removed: {failed[:3]}")

    async def remove_under(self, prefix: str, but: str | None = None) -> int:
        """Removes every object whose key begins with ``prefix``, but those that begin with ``but``.

        Uploads under way or broken off go too: their parts lie in the store without being objects. Returns how many
        objects there were.
        """
        await asyncio.to_thread(self._abort_uploads, prefix)
        keys = [found.key for found in await self.list(prefix) if but is None or not found.key.startswith(but)]
        await self.remove(*keys)
        return len(keys)

    def _abort_uploads(self, prefix: str) -> None:
        # the client has them in its private half only
        found = self.client._list_multipart_uploads(self.bucket, prefix=prefix)
        for upload in found.uploads:
            with suppress(S3Error):  # it was completed or aborted in between
                self.client._abort_multipart_upload(self.bucket, upload.object_name, upload.upload_id or "")

    async def ping(self) -> None:
        """Raises what the client raises when the store does not answer or has no such bucket."""
        if not await asyncio.to_thread(self.client.bucket_exists, self.bucket):
            raise OSError(f"the store has no bucket {self.bucket}")
