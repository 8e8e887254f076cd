"""One file as a multipart/form-data body, read from disk while it is sent.

httpx's own encoder doubles backslashes in file names, which browsers don't and servers don't undo, and reads from
disk on the event loop.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
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

    async def body(self) -> AsyncIterator[bytes]:
        """Raises OSError when the file can't be read, FileChanged when it has another length than was said."""
        self._on_bytes(-self._sent)
        self._sent = 0
        yield self._head
        with await asyncio.to_thread(self._path.open, "rb") as file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
                if self._sent + len(chunk) > self._size:
                    raise FileChanged("it has grown while it was read")
                yield chunk
                self._sent += len(chunk)
                self._on_bytes(len(chunk))
        if self._sent < self._size:
            raise FileChanged("it has shrunk while it was read")
        yield self._tail
