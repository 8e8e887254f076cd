"""The way to a gateway, which breaks on demand."""

import asyncio
from contextlib import suppress


class Line:
    """Can be cut like a process that is killed."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.cuts: list[int] = []
        """The next connections break after so many bytes from the client."""
        self.poison = b""
        """Every connection breaks on which these bytes come from the client."""
        self.lose = b""
        """The answer to the next request with these bytes gets lost: it is cut once the gateway has answered."""
        self.accepted = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        left = self.cuts.pop(0) if self.cuts else None
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._target)
        lost = asyncio.Event()
        back = asyncio.create_task(self._back(to_reader, writer, lost))
        with suppress(ConnectionError):
            while chunk := await reader.read(1 << 16):
                if left is not None:
                    left -= len(chunk)
                if (left is not None and left <= 0) or (self.poison and self.poison in chunk):
                    # a reset, as the kernel sends for a process that is gone
                    writer.transport.abort()
                    break
                if self.lose and self.lose in chunk:
                    self.lose = b""
                    lost.set()
                to_writer.write(chunk)
                await to_writer.drain()
        to_writer.close()
        back.cancel()
        with suppress(asyncio.CancelledError):
            await back
        writer.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(1 << 16):
                if lost.is_set():
                    writer.transport.abort()
                    return
                writer.write(chunk)
                await writer.drain()
        writer.close()
