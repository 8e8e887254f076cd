"""A multipart/form-data body, read as it arrives: parts in their order, never a whole file in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

_FIELD_BYTES = 1024
_BOUNDARY_BYTES = 200
"""RFC 2046 allows 70."""


class BrokenForm(Exception):
    """The body can't be read any further. The text is for the client."""


class Part:
    """One part; its bytes must be read, or are skipped, before the next."""

    def __init__(self, name: str, filename: str | None, next_chunk: Callable[[], Awaitable[bytes | None]]) -> None:
        self.name = name
        self.filename = filename
        """None for a plain field."""
        self._next_chunk = next_chunk
        self._rest = b""
        self._ended = False

    async def read(self, size: int) -> bytes:
        """``size`` bytes, fewer only at the part's end. Raises BrokenForm, and ClientDisconnect when it is cut."""
        taken, missing = [], size
        while missing > 0 and (chunk := await self._chunk()):
            taken.append(chunk[:missing])
            self._rest = chunk[missing:]
            missing -= len(taken[-1])
        return b"".join(taken)

    async def _chunk(self) -> bytes:
        """What is left of the last chunk, or the next one; empty at the part's end."""
        if self._rest or self._ended:
            return self._rest
        chunk = await self._next_chunk()
        self._ended = chunk is None
        return chunk or b""

    def put_back(self, data: bytes) -> None:
        """Has the next ``read`` begin with these bytes."""
        self._rest = data + self._rest

    async def text(self) -> str:
        """A field's value. Raises BrokenForm when it is longer than any field of ours."""
        value = await self.read(_FIELD_BYTES + 1)
        if len(value) > _FIELD_BYTES:
            raise BrokenForm(f"The form field {self.name!r} is longer than {_FIELD_BYTES} bytes.")
        return value.decode("utf-8", "replace").strip()

    async def skip(self) -> None:
        self._rest = b""
        while await self._chunk():
            pass


class Form:
    """The parts of a request's body."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes], idle_seconds: float, least_rate: int) -> None:
        """Raises BrokenForm when ``content_type`` is not multipart/form-data with a boundary.

        ``least_rate`` in bytes a second.
        """
        kind, options = parse_options_header(content_type)
        boundary = options.get("boundary", "")
        if kind != "multipart/form-data" or not 0 < len(boundary) <= _BOUNDARY_BYTES:
            raise BrokenForm("Photos are sent as multipart/form-data.")
        try:
            self._parser = PushMultipartParser(boundary)
        except MultipartError as error:
            raise BrokenForm(f"The form can't be read: {error}.") from error
        self._body = body
        self._idle_seconds = idle_seconds
        self._least_rate = least_rate
        self._events = self._parse()
        self._failure: Exception | None = None

    async def parts(self) -> AsyncIterator[Part]:
        """Raises BrokenForm where the body is malformed or stalls, ClientDisconnect when the client has gone."""
        while (event := await self._next()) is not None:
            assert isinstance(event, MultipartSegment), "a part was left before its end"
            part = Part(event.name or "", event.filename, self._next)
            yield part
            await part.skip()

    async def _next(self) -> Any:
        """The parser's next event: a segment, bytes of it, None at its end and at the end of all."""
        if self._failure:
            # the generator that failed would only seem to have ended
            raise self._failure
        return await anext(self._events, None)

    async def _parse(self) -> AsyncIterator[MultipartSegment | bytes | None]:
        try:
            async for chunk in self._arriving():
                for event in self._parser.parse(chunk):
                    yield event
            self._parser.close()
        except MultipartError as error:
            self._failure = BrokenForm(f"The form can't be read: {error}.")
            raise self._failure from error
        except Exception as error:
            self._failure = error
            raise

    async def _arriving(self) -> AsyncIterator[bytes]:
        """Waits for the client as long as it has time left: waiting takes of it, and what comes earns it back. How long
        the store takes is not the client's fault and counts for nothing."""
        left = self._idle_seconds
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                async with asyncio.timeout(left):
                    chunk = await anext(self._body, None)
            except TimeoutError as error:
                raise BrokenForm(
                    f"The form came too slowly: {self._idle_seconds:g} s behind {self._least_rate} bytes a second."
                ) from error
            if chunk is None:
                return
            waited, earned = loop.time() - began, len(chunk) / self._least_rate
            left = min(self._idle_seconds, max(0.0, left - waited) + earned)
            if chunk:
                yield chunk
