"""A tiny gateway that keeps everything in memory and misbehaves on demand, on a real socket, behind a cuttable line."""

import asyncio
import hashlib
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from mizzap_client.api import Client
from mizzap_client.models import Session
from multipart import MultipartSegment, PushMultipartParser, parse_options_header
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

NOT_PHOTOS = {b"no photo": (415, "MEDIA_UNSUPPORTED"), b"": (422, "FILE_EMPTY")}


def session_of(number: int) -> dict[str, Any]:
    user = {"id": 1, "email": "camille@example.com"}
    return {"user": user, "accessToken": f"access-{number}", "refreshToken": f"refresh-{number}", "expiresIn": 3600}


def refusal(status: int, code: str, **headers: str) -> Response:
    error = {"code": code, "message": f"This is {code}.", "details": {}}
    return JSONResponse({"success": False, "error": error}, status, headers)


@dataclass
class FakeGateway:
    """``stored`` maps hash to file names; ``answers`` are refusals given to the next requests of a path."""

    stored: dict[str, list[str]] = field(default_factory=dict)
    answers: dict[str, list[Response]] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    bodies: list[tuple[str, str, bytes]] = field(default_factory=list)
    """File name, announced hash and bytes of each upload that arrived whole."""
    registered: list[dict[str, Any]] = field(default_factory=list)
    consented: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    token: int = 1
    socket: Callable[[WebSocket], Awaitable[None]] | None = None
    progress: Callable[[], dict[str, Any]] = lambda: {}
    moments: Callable[[], dict[str, Any]] = lambda: {}

    def app(self) -> Starlette:
        routes = {
            "/photos/upload": self.upload, "/photos/precheck": self.precheck, "/photos/adopt": self.adopt,
            "/photos": self.photos, "/auth/register": self.register, "/auth/login": self.login,
            "/auth/refresh": self.refresh, "/auth/me": self.me, "/jobs/progress": self.tell_progress,
            "/curation/moments": self.tell_moments, "/auth/consents": self.consents, "/auth/consents/ai": self.consents,
        }  # fmt: skip
        guarded = [
            Route(f"/api/v1{path}", self.guard(path, handler), methods=["GET", "POST", "PUT"])
            for path, handler in routes.items()
        ]
        return Starlette(routes=[*guarded, WebSocketRoute("/ws", self.ws)])

    def guard(
        self, path: str, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            self.requests[path] += 1
            if self.answers.get(path):
                await request.body()
                return self.answers[path].pop(0)
            signed = request.headers.get("Authorization") == f"Bearer access-{self.token}"
            if not signed and path not in ("/auth/register", "/auth/login", "/auth/refresh"):
                await request.body()
                return refusal(401, "INVALID_TOKEN")
            return await handler(request)

        return guarded

    async def register(self, request: Request) -> Response:
        self.registered.append(await request.json())
        return await self.login(request)

    async def consents(self, request: Request) -> Response:
        if request.method == "PUT":
            self.consented.append((request.url.path.rsplit("/", 1)[1], await request.json()))
        return JSONResponse({"success": True, "data": {"versions": ["1", "2"], "current": [], "history": []}})

    async def login(self, request: Request) -> Response:
        return JSONResponse({"success": True, "data": session_of(self.token)}, 201)

    async def refresh(self, request: Request) -> Response:
        if (await request.json())["refreshToken"] != f"refresh-{self.token - 1}":
            return refusal(401, "INVALID_REFRESH_TOKEN")
        return JSONResponse({"success": True, "data": session_of(self.token)})

    async def me(self, request: Request) -> Response:
        return JSONResponse({"success": True, "data": session_of(1)["user"]})

    async def upload(self, request: Request) -> Response:
        _, options = parse_options_header(request.headers["Content-Type"])
        parser = PushMultipartParser(options["boundary"])
        parts: list[tuple[MultipartSegment, bytearray]] = []
        async for chunk in request.stream():
            for event in parser.parse(chunk):
                if isinstance(event, MultipartSegment):
                    parts.append((event, bytearray()))
                elif event:
                    parts[-1][1].extend(event)
        parser.close()
        (_, announced), (part, content) = parts
        name, sha256 = str(part.filename), hashlib.sha256(content).hexdigest()
        self.bodies.append((name, announced.decode(), bytes(content)))
        if bytes(content) in NOT_PHOTOS:
            return refusal(*NOT_PHOTOS[bytes(content)])
        if announced.decode() != sha256:
            return refusal(422, "HASH_MISMATCH")
        status = "known" if name in self.stored.get(sha256, []) else "stored"
        photo = self.keep(name, sha256)
        return JSONResponse({"success": True, "data": [{"fileName": name, "status": status, "photo": photo}]}, 201)

    def keep(self, name: str, sha256: str) -> dict[str, Any]:
        names = self.stored.setdefault(sha256, [])
        if name not in names:
            names.append(name)
        return {
            "id": 1,
            "fileName": name,
            "fileSize": 1,
            "mimeType": "image/jpeg",
            "sha256": sha256,
            "status": "uploaded",
        }

    async def precheck(self, request: Request) -> Response:
        asked = (await request.json())["sha256"]
        known = [{"sha256": sha, "photoIds": [], "fileNames": self.stored[sha]} for sha in asked if sha in self.stored]
        return JSONResponse({"success": True, "data": {"known": known}})

    async def adopt(self, request: Request) -> Response:
        wanted = await request.json()
        if wanted["sha256"] not in self.stored:
            return refusal(404, "NOT_FOUND")
        created = wanted["fileName"] not in self.stored[wanted["sha256"]]
        photo = self.keep(wanted["fileName"], wanted["sha256"])
        return JSONResponse({"success": True, "data": {"photo": photo, "created": created}}, 201)

    async def photos(self, request: Request) -> Response:
        page, limit = int(request.query_params["page"]), int(request.query_params["limit"])
        names = [(name, sha) for sha, names in self.stored.items() for name in names]
        data = [self.keep(name, sha) for name, sha in names[(page - 1) * limit : page * limit]]
        shown = {"page": page, "limit": limit, "total": len(names), "hasMore": page * limit < len(names)}
        return JSONResponse({"success": True, "data": data, "pagination": shown})

    async def tell_progress(self, request: Request) -> Response:
        return JSONResponse({"success": True, "data": self.progress()})

    async def tell_moments(self, request: Request) -> Response:
        return JSONResponse({"success": True, "data": self.moments()})

    async def ws(self, websocket: WebSocket) -> None:
        assert self.socket
        await self.socket(websocket)


class Line:
    """The way to the gateway: can be cut like a process that is killed."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.cuts: list[int] = []
        """The next connections break after so many bytes from the client."""
        self.accepted = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        left = self.cuts.pop(0) if self.cuts else None
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._target)
        back = asyncio.create_task(self._pump(to_reader, writer))
        await self._pump(reader, to_writer, left)
        if left is not None:
            # a reset, as the kernel sends for a process that is gone
            writer.transport.abort()
        back.cancel()
        with suppress(asyncio.CancelledError):
            await back
        writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None = None) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(1 << 16):
                if left is not None:
                    left -= len(chunk)
                    if left <= 0:
                        break
                writer.write(chunk)
                await writer.drain()
        writer.close()


@pytest.fixture
def refuse() -> Callable[..., Response]:
    """`refuse(503, "UNAVAILABLE")` is an answer of the gateway's."""
    return refusal


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
async def line(gateway: FakeGateway) -> AsyncIterator[Line]:
    # bound here, so that whoever connects early only waits in the queue
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(gateway.app(), log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    line = Line(listening.getsockname()[1])
    yield line
    server.should_exit = True
    await asyncio.to_thread(thread.join)


@pytest.fixture
async def client(line: Line) -> AsyncIterator[Client]:
    """Logged in, with little patience."""
    door = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    port = door.sockets[0].getsockname()[1]
    session = Session.model_validate(session_of(1))
    async with Client(f"http://127.0.0.1:{port}", session, patience=5) as client:
        yield client
    door.close()
