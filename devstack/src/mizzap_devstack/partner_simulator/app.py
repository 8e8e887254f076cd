"""The simulated partners' side of the wire, as an application to run anywhere."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from mizzap_common import tasks
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mizzap_devstack.partner_simulator.script import Script, read_script

_CALLBACK_TRIES = 5
_FORGERS_SECRET = b"a secret that nobody has agreed upon"


@dataclass
class Fetched:
    """What a link gave; the hash and size only where it gave a photo."""

    photo_id: int
    status: int
    sha256: str | None = None
    size_bytes: int | None = None


@dataclass
class Told:
    """A callback, and what MIZZAP answered."""

    status: str
    webhook_id: str
    answer: int
    body: Any


@dataclass
class Order:
    """What a partner knows of an order, for tests and people to look at."""

    partner: str
    order_id: int
    data: dict[str, Any]
    script: Script
    fetched: list[Fetched] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    tries: int = 0
    repeated: int = 0
    """Requests that came again after they had been taken, known by their webhook-id."""
    cancelled: bool = False
    finished: bool = False
    """Nothing more will be told unless the order is cancelled."""


class Simulator:
    """``secrets`` are the partners' by name and id. ``timeout_seconds``: how long an answer stays away for "timeout"."""

    def __init__(self, secrets: Mapping[str, Mapping[str, str]], timeout_seconds: float = 60.0) -> None:
        self.orders: dict[tuple[str, int], Order] = {}
        self.secrets = {name: dict(known) for name, known in secrets.items()}
        """The last one of a partner signs its callbacks; requests may be signed with each."""
        self._timeout_seconds = timeout_seconds
        self._taken: set[str] = set()
        self._work: set[asyncio.Task[None]] = set()

    def app(self) -> Starlette:
        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            async with httpx.AsyncClient(timeout=30, trust_env=False) as self._http:
                yield
                await tasks.end(list(self._work))

        return Starlette(
            lifespan=lifespan,
            routes=[
                Route("/{partner}", self._receive, methods=["POST"]),
                Route("/{partner}/orders", self._show),
                Route("/{partner}/deliveries/{order_id:int}", self._deliver),
            ],
        )

    async def _receive(self, request: Request) -> Response:
        partner, body = request.path_params["partner"], await request.body()
        if partner not in self.secrets:
            return _answer(404, "there is no such partner")
        try:
            secret = self.secrets[partner][request.headers["webhook-secret-id"]]
            message = Webhook(secret).verify(body, dict(request.headers))
        except (KeyError, WebhookVerificationError, ValueError):
            return _answer(401, "the signature is wrong")
        webhook_id, data = request.headers["webhook-id"], message["data"]
        known = self.orders.get((partner, data["orderId"]))
        if webhook_id in self._taken:
            if known is not None:
                known.tries += 1
                known.repeated += 1
            return _answer(200, "known")
        if message["type"] == "order.cancelled":
            return self._cancel(known, webhook_id)
        if message["type"] == "order.erased":
            return self._erase(known, webhook_id)
        return await self._take(partner, known, data, webhook_id, str(request.base_url))

    async def _take(
        self, partner: str, known: Order | None, data: dict[str, Any], webhook_id: str, base_url: str
    ) -> Response:
        try:
            script = read_script(f"{data.get('title') or ''} {data.get('instructions') or ''}")
        except ValueError as error:
            return _answer(422, str(error))
        order = known or Order(partner, data["orderId"], data, script)
        self.orders[partner, order.order_id] = order
        order.tries += 1
        how = script.fail[order.tries - 1] if order.tries <= len(script.fail) else "ok"
        if how == "timeout":
            await asyncio.sleep(self._timeout_seconds)
            return _answer(503, "too late")
        if how.isdigit():
            return _answer(int(how), "as asked for")
        self._taken.add(webhook_id)
        self._start(self._fulfil(order, f"{base_url}{partner}/deliveries/{order.order_id}"))
        return _answer(500, "it was taken all the same") if how == "lost" else _answer(200, "taken")

    def _cancel(self, order: Order | None, webhook_id: str) -> Response:
        if order is None:
            return _answer(404, "there is no such order")
        self._taken.add(webhook_id)
        order.cancelled = True
        if order.script.stubborn:
            self._start(self._insist(order))
        return _answer(200, "cancelled")

    def _erase(self, order: Order | None, webhook_id: str) -> Response:
        """Nothing is known of the order afterwards, nor of what was made of it."""
        if order is None:
            return _answer(404, "there is no such order")
        self._taken.add(webhook_id)
        order.cancelled = True
        del self.orders[order.partner, order.order_id]
        return _answer(200, "erased")

    async def _fulfil(self, order: Order, delivery_url: str) -> None:
        await self._fetch(order)
        statuses = [*order.script.callbacks, *(["in_progress"] if order.script.late else [])]
        for number, status in enumerate(statuses):
            if order.cancelled and not order.script.stubborn:
                return
            more: dict[str, Any] = {"message": f"{order.partner}: {status.replace('_', ' ')}"}
            if status == "in_progress":
                more["progress"] = 50
            if status == "delivered":
                more["deliveryUrl"] = delivery_url
            await self._tell(order, status, more, number)
        order.finished = True

    async def _insist(self, order: Order) -> None:
        await self._fetch(order)
        await self._tell(order, "delivered", {}, len(order.told))

    async def _fetch(self, order: Order) -> None:
        for photo in order.data["photos"]:
            digest, size = hashlib.sha256(), 0
            async with self._http.stream("GET", photo["url"]) as answer:
                async for chunk in answer.aiter_bytes():
                    digest.update(chunk)
                    size += len(chunk)
            found = Fetched(photo["id"], answer.status_code)
            if answer.status_code == 200:
                found.sha256, found.size_bytes = digest.hexdigest(), size
            order.fetched.append(found)

    async def _tell(self, order: Order, status: str, more: dict[str, Any], number: int) -> None:
        message = {
            "type": "order.status",
            "timestamp": datetime.now(UTC).isoformat(),
            "data": {"orderId": order.order_id, "status": status, **more},
        }
        webhook_id = f"{order.partner}-{order.order_id}-{number}-{uuid4()}"
        if order.script.forged:
            await self._call(order, status, webhook_id, message, Webhook(_FORGERS_SECRET))
        for _ in range(2 if order.script.twice else 1):
            newest = [*self.secrets[order.partner].values()][-1]
            await self._call(order, status, webhook_id, message, Webhook(newest))

    async def _call(self, order: Order, status: str, webhook_id: str, message: dict[str, Any], hook: Webhook) -> None:
        body = json.dumps(message)
        for again in range(_CALLBACK_TRIES):
            now = datetime.now(UTC)
            headers = {
                "content-type": "application/json",
                "webhook-id": webhook_id,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": hook.sign(webhook_id, now, body),
            }
            try:
                answer = await self._http.post(order.data["callbackUrl"], content=body, headers=headers)
            except httpx.HTTPError:
                await asyncio.sleep(2**again)
                continue
            order.told.append(Told(status, webhook_id, answer.status_code, answer.json()))
            if answer.status_code < 500:
                return
            await asyncio.sleep(2**again)

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _show(self, request: Request) -> Response:
        shown = [
            asdict(order) for (partner, _), order in self.orders.items() if partner == request.path_params["partner"]
        ]
        return JSONResponse(shown)

    async def _deliver(self, request: Request) -> Response:
        order = self.orders.get((request.path_params["partner"], request.path_params["order_id"]))
        if order is None:
            return _answer(404, "there is no such delivery")
        return JSONResponse({"made of": [photo.sha256 for photo in order.fetched if photo.sha256]})


def _answer(status: int, text: str) -> Response:
    return JSONResponse({"message": text}, status_code=status)
