"""A tiny gateway that keeps everything in memory and misbehaves on demand."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from multipart import MultipartSegment, PushMultipartParser, parse_options_header
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from clients.python.tests import shapes

NOT_PHOTOS = {b"no photo": (415, "MEDIA_UNSUPPORTED"), b"": (422, "FILE_EMPTY")}


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
    other_bodies: list[bytes] = field(default_factory=list)
    """Of requests for what this gateway doesn't know."""
    keys: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The Idempotency-Key of each request of a path."""
    cursors: list[str | None] = field(default_factory=list)
    """Of each request for changes."""
    consented: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    token: int = 1
    refreshed: set[str] | None = None
    """The refresh tokens that were used, where one that comes again ends the session, as after its grace."""
    kept: dict[str, Response] = field(default_factory=dict)
    """The answer to each Idempotency-Key, which a repetition gets again."""
    socket: Callable[[WebSocket], Awaitable[None]] | None = None
    progress: Callable[[], dict[str, Any]] = lambda: {}
    moments: Callable[[], dict[str, Any]] = lambda: {}

    def routes(self) -> dict[str, Callable[[Request], Awaitable[Response]]]:
        return {
            "/photos/upload": self.upload, "/photos/precheck": self.precheck, "/photos/adopt": self.adopt,
            "/photos": self.photos, "/auth/register": self.register, "/auth/login": self.login,
            "/auth/refresh": self.refresh, "/auth/me": self.me, "/jobs/progress": self.tell_progress,
            "/curation/moments": self.tell_moments, "/auth/consents": self.consents, "/auth/consents/ai": self.consents,
            "/changes": self.unknown,
        }  # fmt: skip

    def app(self) -> Starlette:
        guarded = [
            Route(f"/api/v1{path}", self.guard(path, handler), methods=["GET", "POST", "PUT"])
            for path, handler in self.routes().items()
        ]
        unknown = Route("/{path:path}", self.unknown, methods=["GET", "POST", "PUT", "DELETE"])
        return Starlette(routes=[*guarded, WebSocketRoute("/ws", self.ws), unknown])

    async def unknown(self, request: Request) -> Response:
        self.other_bodies.append(await request.body())
        return refusal(404, "NOT_FOUND")

    def guard(
        self, path: str, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            self.requests[path] += 1
            self.keys[path].append(key := request.headers.get("Idempotency-Key", ""))
            if path == "/changes":
                self.cursors.append(request.query_params.get("cursor"))
            if self.answers.get(path):
                await request.body()
                return self.answers[path].pop(0)
            signed = request.headers.get("Authorization") == f"Bearer access-{self.token}"
            if not signed and path not in ("/auth/register", "/auth/login", "/auth/refresh"):
                await request.body()
                return refusal(401, "INVALID_TOKEN")
            if key in self.kept:
                return self.kept[key]
            answer = await handler(request)
            if key and answer.status_code != 401:
                self.kept[key] = answer
            return answer

        return guarded

    async def register(self, request: Request) -> Response:
        asked = await request.json()
        if any(asked["email"] == account["email"] for account in self.registered):
            return refusal(409, "EMAIL_TAKEN")
        self.registered.append(asked)
        return await self.login(request)

    async def consents(self, request: Request) -> Response:
        if request.method == "PUT":
            said = await request.json()
            self.consented.append((purpose := request.url.path.rsplit("/", 1)[1], said))
            consent = {"purpose": purpose, **said, "at": "2025-10-23T10:00:00Z"}
            return JSONResponse({"success": True, "data": consent})
        return JSONResponse({"success": True, "data": {"versions": ["1", "2"], "current": [], "history": []}})

    async def login(self, request: Request) -> Response:
        return JSONResponse({"success": True, "data": shapes.session(self.token)}, 201)

    async def refresh(self, request: Request) -> Response:
        token = (await request.json())["refreshToken"]
        if token != f"refresh-{self.token - 1}" or (self.refreshed is not None and token in self.refreshed):
            self.token += 10  # whatever tokens there are, none of them counts
            return refusal(401, "INVALID_REFRESH_TOKEN")
        if self.refreshed is not None:
            self.refreshed.add(token)
        return JSONResponse({"success": True, "data": shapes.session(self.token)})

    async def me(self, request: Request) -> Response:
        return JSONResponse({"success": True, "data": shapes.USER})

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
        return JSONResponse(
            {"success": True, "data": [{"fileName": name, "status": status, "photo": photo, "error": None}]}, 201
        )

    def keep(self, name: str, sha256: str) -> dict[str, Any]:
        names = self.stored.setdefault(sha256, [])
        if name not in names:
            names.append(name)
        return {**shapes.PHOTO, "fileName": name, "sha256": sha256}

    async def precheck(self, request: Request) -> Response:
        asked = (await request.json())["sha256"]
        found = {sha: self.stored[sha] for sha in asked if sha in self.stored}
        known = [
            {"sha256": sha, "fileNames": names, "photoIds": [self.keep(name, sha)["id"] for name in names]}
            for sha, names in found.items()
        ]
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
        shown |= {"totalPages": -(-len(names) // limit), "nextCursor": None}
        return JSONResponse({"success": True, "data": data, "pagination": shown})

    async def tell_progress(self, request: Request) -> Response:
        return JSONResponse({"success": True, "data": self.progress()})

    async def tell_moments(self, request: Request) -> Response:
        return JSONResponse({"success": True, "data": self.moments()})

    async def ws(self, websocket: WebSocket) -> None:
        assert self.socket
        await self.socket(websocket)
