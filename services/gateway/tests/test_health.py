"""Liveness without a single durable: the broker's silence must show all the same."""

import os
import signal

import pytest
from mizzap_common import testing


@pytest.fixture(params=["dead", "frozen"])
def silence(request, servers):
    """Makes the broker silent; the second call has it answer again."""
    if request.param == "dead":
        yield lambda: servers.kill("nats"), lambda: servers.restart("nats")
    else:
        pid = servers.pid("nats")
        yield lambda: os.kill(pid, signal.SIGSTOP), lambda: os.kill(pid, signal.SIGCONT)


async def test_liveness_turns_red_while_the_broker_is_silent(start_gateway, silence, monkeypatch) -> None:
    begin, end = silence
    monkeypatch.setattr("mizzap_common.guard.INTERVAL_SECONDS", 0.1)
    async with start_gateway(broker_silence_seconds=1) as gateway:

        async def is_live() -> bool:
            return bool((await gateway.http.get("/live")).status_code == 200)

        async def is_dead() -> bool:
            return not await is_live()

        await testing.eventually(is_live)
        begin()
        try:
            await testing.eventually(is_dead, 20)
        finally:
            end()
        await testing.eventually(is_live, 30)
