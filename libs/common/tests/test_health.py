"""Liveness, readiness, metrics: what operators and probes see of a service whose broker fails it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from mizzap_common import streams, tables
from mizzap_common.contracts import catalog, events
from mizzap_common.db import Database
from mizzap_common.inbox import Delivery
from mizzap_common.service import Service
from mizzap_common.settings import DatabaseSettings
from mizzap_common.testing import Store, empty_streams, eventually, outsider, running, settings_for
from mizzap_devstack.testing import TestServers
from nats.js.errors import NotFoundError
from starlette.applications import Starlette

UPLOADED = catalog.PHOTO_UPLOADED
DURABLE = UPLOADED.durable("thumbs")


@pytest.fixture
async def settings(nats_url: str, s3_settings: Store, make_database: Callable[[str], str]) -> DatabaseSettings:
    url = make_database("health")
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(tables.metadata.create_all)
    await database.close()
    return settings_for(DatabaseSettings, nats_url, s3_settings, url)


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mizzap_common.guard.INTERVAL_SECONDS", 0.1)


async def ignore(_: events.PhotoUploaded, __: Delivery) -> None:
    raise AssertionError("not reached")


def built(settings: DatabaseSettings) -> tuple[Service, Starlette]:
    service = Service("thumbs", settings)
    service.bus.on(UPLOADED, ignore)
    return service, service.asgi()


@pytest.fixture
async def running_service(nats_url: str, settings: DatabaseSettings) -> AsyncIterator[tuple[Service, Starlette]]:
    service, app = built(settings)
    async with outsider(nats_url), running(app):
        yield service, app


async def ask(app: Starlette, path: str) -> tuple[int, Any]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        answer = await client.get(path)
    return answer.status_code, answer.text if path == "/metrics" else answer.json()


async def test_a_healthy_service_says_so(running_service: tuple[Service, Starlette]) -> None:
    service, app = running_service
    service.info["model"] = "tower"
    assert await ask(app, "/live") == (200, {"live": True, "problems": []})
    status, ready = await ask(app, "/ready")
    assert (status, ready["info"]) == (200, {"model": "tower"})
    assert ready["checks"] == {"storage": "ok", "database": "ok", "broker": "ok"}
    _, metrics = await ask(app, "/metrics")
    for measured in ("outbox_waiting", "events_handled_total", "event_handling_seconds", "dead_letters_total"):
        assert f"mizzap_{measured}" in metrics


async def test_a_durable_that_is_gone_is_declared_again(running_service: tuple[Service, Starlette]) -> None:
    service, app = running_service
    await service.bus.jetstream.delete_consumer(UPLOADED.stream, DURABLE)
    await eventually(lambda: exists(service))
    assert (await ask(app, "/live"))[0] == 200


async def test_streams_that_are_gone_are_declared_again(running_service: tuple[Service, Starlette]) -> None:
    """Each service declares its own; the durable comes back once the stream's owner has done so too."""
    service, app = running_service
    for stream in ("PHOTOS", "THUMBS"):
        await service.bus.jetstream.delete_stream(stream)
    await eventually(lambda: has_stream(service, "THUMBS"))
    assert not await has_stream(service, "PHOTOS")
    await eventually(lambda: red_without(app))
    await streams.declare_own(service.bus.jetstream, "photos")
    await eventually(lambda: exists(service))
    await eventually(lambda: green(app))


async def has_stream(service: Service, name: str) -> bool:
    try:
        await service.bus.jetstream.stream_info(name)
    except NotFoundError:
        return False
    return True


async def red_without(app: Starlette) -> bool:
    return await ask(app, "/live") == (503, {"live": False, "problems": [f"durable {DURABLE} is gone"]})


async def exists(service: Service) -> bool:
    try:
        await service.bus.jetstream.consumer_info(UPLOADED.stream, DURABLE)
    except NotFoundError:
        return False
    return True


async def test_where_declaring_is_not_its_business_liveness_turns_red(
    nats_url: str, settings: DatabaseSettings
) -> None:
    _, app = built(settings.model_copy(update={"declare_streams": False}))
    async with outsider(nats_url) as bus, running(app):
        await bus.jetstream.delete_consumer(UPLOADED.stream, DURABLE)
        await eventually(lambda: red_without(app))
        await empty_streams(bus.jetstream)
        await eventually(lambda: green(app))


async def green(app: Starlette) -> bool:
    return (await ask(app, "/live"))[0] == 200


async def test_a_broker_that_is_silent_turns_liveness_red_and_back(
    nats_url: str, settings: DatabaseSettings, servers: TestServers
) -> None:
    _, app = built(settings.model_copy(update={"broker_silence_seconds": 1.0}))
    async with outsider(nats_url), running(app):
        servers.kill("nats")
        try:

            async def red() -> bool:
                status, body = await ask(app, "/live")
                return status == 503 and "has not answered" in body["problems"][0]

            await eventually(red, 20)
            assert (await ask(app, "/ready"))[0] == 503
        finally:
            servers.restart("nats")
        await eventually(lambda: green(app), 20)


async def test_background_work_that_ends_turns_liveness_red(nats_url: str, settings: DatabaseSettings) -> None:
    service, app = built(settings)

    async def dies() -> None:
        raise RuntimeError("gone")

    service.background(dies)
    async with outsider(nats_url), running(app):

        async def red() -> bool:
            status, body = await ask(app, "/live")
            return status == 503 and "RuntimeError('gone')" in body["problems"][0]

        await eventually(red)
