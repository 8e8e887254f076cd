"""The simulated partners: what they understand, whom they believe, and that the stack knows them."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from mizzap_devstack.partner_simulator.app import Simulator
from mizzap_devstack.partner_simulator.script import Script, read_script
from mizzap_devstack.progress import Progress
from mizzap_devstack.stack import Options, Stack
from standardwebhooks import Webhook

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Summer, late and twice as fail:500 as ever", Script()),
        ("Summer [simulate]", Script()),
        ("[simulate fail:500,timeout,lost twice] Summer", Script(fail=("500", "timeout", "lost"), twice=True)),
        ("Summer [simulate callbacks:accepted,rejected late forged stubborn]",
         Script(callbacks=("accepted", "rejected"), late=True, forged=True, stubborn=True)),
    ],
)  # fmt: skip
def test_what_a_title_asks_for(text: str, script: Script) -> None:
    assert read_script(text) == script


@pytest.mark.parametrize("text", ["[simulate rain]", "[simulate fail:often]", "[simulate callbacks:done]"])
def test_a_word_that_means_nothing_is_said(text: str) -> None:
    with pytest.raises(ValueError):
        read_script(text)


async def test_only_signed_orders_are_taken() -> None:
    simulator = Simulator({"memopyk": {"1": SECRET}})
    app = simulator.app()
    body = json.dumps(
        {"type": "order.placed", "data": {"orderId": 1, "title": "x", "photos": [], "callbackUrl": "http://x"}}
    )

    def headers(secret: str) -> dict[str, str]:
        now = datetime.now(UTC)
        signature = Webhook(secret).sign("id", now, body)
        at = str(int(now.timestamp()))
        return {"webhook-id": "id", "webhook-timestamp": at, "webhook-signature": signature, "webhook-secret-id": "1"}

    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://p") as http:
        other = "whsec_" + base64.b64encode(bytes(32)).decode()
        assert (await http.post("/memopyk", content=body)).status_code == 401
        assert (await http.post("/memopyk", content=body, headers=headers(other))).status_code == 401
        assert (await http.post("/photall", content=body, headers=headers(SECRET))).status_code == 404
        assert simulator.orders == {}
        for repeated in range(2):
            assert (await http.post("/memopyk", content=body, headers=headers(SECRET))).status_code == 200
            assert simulator.orders["memopyk", 1].repeated == repeated


def test_the_stack_s_curation_knows_the_partners_and_nobody_else_their_secrets(tmp_path: Path) -> None:
    def environment(service: str) -> dict[str, str]:
        return Stack(Options(tmp_path), Progress())._services.environment(service)

    curation = environment("curation")
    assert curation["MIZZAP_MEMOPYK_URL"].endswith("/memopyk") and curation["MIZZAP_PHOTALL_URL"].endswith("/photall")
    assert curation["MIZZAP_MEMOPYK_SECRETS"] != curation["MIZZAP_PHOTALL_SECRETS"]
    assert curation["MIZZAP_PUBLIC_URL"].startswith("http://127.0.0.1:")
    for service in ("gateway", "photos", "dedup"):
        assert not any("MEMOPYK" in name or "PHOTALL" in name for name in environment(service))


def test_a_partner_of_the_user_s_own_takes_the_place_of_its_simulation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIZZAP_MEMOPYK_URL", "http://films.test/orders")
    monkeypatch.setenv("MIZZAP_MEMOPYK_SECRET", SECRET)
    environment = Stack(Options(tmp_path), Progress())._services.environment("curation")
    # curation's own reading of it, as it starts
    program = (
        "from mizzap_curation.settings import CurationSettings as S; print(*(p.url for p in S().partners.values()))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert shown.returncode == 0, shown.stderr
    memopyk, photall = shown.stdout.split()
    assert memopyk == "http://films.test/orders" and photall == environment["MIZZAP_PHOTALL_URL"]


@pytest.mark.parametrize("name", ["URL", "SECRET"])
def test_a_simulation_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"MIZZAP_PHOTALL_{name}", "")
    environment = Stack(Options(tmp_path), Progress())._services.environment("curation")
    assert [given for given in environment if given.startswith("MIZZAP_PHOTALL_")] == [f"MIZZAP_PHOTALL_{name}"]
    assert environment["MIZZAP_MEMOPYK_URL"].endswith("/memopyk")


def test_the_command_serves_where_the_stack_expects_it(tmp_path: Path) -> None:
    settings = Stack(Options(tmp_path), Progress())._services.environment("curation")
    command = [sys.executable, "-m", "mizzap_devstack", "partner", "--data", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                assert httpx.get(f"{settings['MIZZAP_MEMOPYK_URL']}/orders", trust_env=False).json() == []
                break
            except httpx.ConnectError:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.1)
        # a stack that is started again beside it keeps the port that it is on
        again = Stack(Options(tmp_path), Progress())._services.environment("curation")
        assert again["MIZZAP_MEMOPYK_URL"] == settings["MIZZAP_MEMOPYK_URL"]
    finally:
        process.terminate()
        process.wait(10)
