"""A gateway that misbehaves on demand, on a real socket, behind a line that can be cut."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable

import pytest
import uvicorn
from mizzap_client.api import AsyncClient
from mizzap_client.models import Session
from starlette.responses import Response

from clients.python.tests import shapes
from clients.python.tests.fake_gateway import FakeGateway, refusal
from clients.python.tests.line import Line


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
async def address(line: Line) -> AsyncIterator[str]:
    """Of the gateway, behind the line."""
    door = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{door.sockets[0].getsockname()[1]}"
    door.close()


@pytest.fixture
async def client(address: str) -> AsyncIterator[AsyncClient]:
    """Logged in, with little patience."""
    async with AsyncClient(address, Session.model_validate(shapes.session(1)), patience=5) as client:
        yield client
