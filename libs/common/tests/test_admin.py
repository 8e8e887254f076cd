"""Dead letters from an operator's side: seen, read, played again, dropped."""

import json
import sys

import pytest
from mizzap_common import admin
from mizzap_common.contracts import catalog
from mizzap_common.delivery import DeadLetter
from mizzap_common.testing import dead_letters, outsider


@pytest.fixture
def run(nats_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    async def call(*arguments: str) -> str:
        monkeypatch.setenv("MIZZAP_NATS_URL", nats_url)
        parsed = admin.parser().parse_args(["dlq", *arguments])
        await admin.run(parsed)
        return capsys.readouterr().out

    return call


LETTER = DeadLetter("thumbs-photo-uploaded", "photo.uploaded", b'{"photoId": 1}', {"ce-id": "x"}, "BOOM", "why", 11)


async def test_a_dead_letter_is_listed_shown_replayed_and_gone(nats_url: str, run) -> None:  # type: ignore[no-untyped-def]
    async with outsider(nats_url) as bus:
        await bus.bury(LETTER)
        assert (await run("list")).split("\t") == ["1", "thumbs-photo-uploaded", "BOOM", "11", "why\n"]
        shown = json.loads(await run("show", "1"))
        assert shown["payload"] == '{"photoId": 1}' and shown["headers"]["mizzap-dead-subject"] == "photo.uploaded"
        await run("replay", "1")
        again = await bus.jetstream.get_msg(catalog.PHOTO_UPLOADED.stream, 1)
        assert again.data == LETTER.body
        kept = {key: value for key, value in (again.headers or {}).items() if not key.startswith("Nats-Expected")}
        assert kept == {"ce-id": "x", "Nats-Msg-Id": "x:replay:1"}
        assert await dead_letters(bus.jetstream) == 0


async def test_a_dead_letter_is_dropped(nats_url: str, run) -> None:  # type: ignore[no-untyped-def]
    async with outsider(nats_url) as bus:
        await bus.bury(LETTER)
        await run("drop", "1")
        assert await dead_letters(bus.jetstream) == 0
        with pytest.raises(SystemExit, match="no such dead letter"):
            await run("show", "1")


def test_a_wrong_call_says_how(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["mizzap-admin", "dlq", "explode"])
    with pytest.raises(SystemExit):
        admin.main()
    assert "replay" in capsys.readouterr().err
