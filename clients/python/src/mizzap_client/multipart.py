"""One file as a multipart/form-data body, read from disk while it is sent.

httpx's own encoder doubles backslashes in file names, which browsers don't and servers don't undo, and reads from
disk on the event loop.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

_CHUNK_BYTES = 1 << 18


class FileChanged(Exception):
    """The file is not as long as it was when it was looked at."""


class FileForm:
    """The body of an upload: the field ``sha256``, then the file. Can be sent any number of times."""

    def __init__(
        self, path: Path, file_name: str, sha256: str, size: int, on_bytes: Callable[[int], None] | None = None
    ) -> None:
        """``size`` in bytes; ``on_bytes`` is told how many bytes of the file went out, negative when they go again."""
        self._path = path
        self._size = size
        self._on_bytes = on_bytes or (lambda _: None)
        self._sent = 0
        boundary = secrets.token_hex(16)
        # the WHATWG's rule: quotes and line breaks are percent-encoded, all else goes as UTF-8
        quoted = file_name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
        self._head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="sha256"\r\n\r\n{sha256}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{quoted}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(self._head) + size + len(self._tail)),
        }

    def __iter__(self) -> Iterator[bytes]:
        """Raises OSError when the file can't be read, FileChanged when it has another length than was said."""
        self._begin()
        for chunk, of_file in self._parts():
            yield chunk
            self._went_out(of_file)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._begin()
        parts = self._parts()
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            yield part[0]
            self._went_out(part[1])

    def _parts(self) -> Iterator[tuple[bytes, int]]:
        """What is to be sent, and how many bytes of it are the file's."""
        yield self._head, 0
        read = 0
        with self._path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                read += len(chunk)
                if read > self._size:
                    raise FileChanged("it has grown while it was read")
                yield chunk, len(chunk)
        if read < self._size:
            raise FileChanged("it has shrunk while it was read")
        yield self._tail, 0

    def _begin(self) -> None:
        self._on_bytes(-self._sent)
        self._sent = 0

    def _went_out(self, size: int) -> None:
        self._sent += size
        self._on_bytes(size)
