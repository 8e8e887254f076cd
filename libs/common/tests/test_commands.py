"""What ``python -m mizzap_NAME COMMAND`` runs."""

import sys
from typing import Any

import pytest
from mizzap_common import service
from mizzap_common.settings import Settings


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[Any]:
    called: list[Any] = []
    monkeypatch.setattr(sys, "argv", ["mizzap", *arguments])
    monkeypatch.setattr(service.telemetry, "set_up", lambda *_: None)
    monkeypatch.setattr(service.uvicorn, "run", lambda app, **_: called.append(app))
    service.main(
        "some", Settings, lambda _: "the application", commands={"rotate-keys": lambda *given: called.append(given)}
    )
    return called


def test_a_services_own_command_gets_settings_and_words_and_serves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    [(settings, words)] = run(monkeypatch, "rotate-keys", "now")
    assert isinstance(settings, Settings) and list(words) == ["now"]


def test_without_a_command_it_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch) == ["the application"]


@pytest.mark.parametrize("arguments", [("rotate",), ("migrate", "now")])
def test_what_is_no_command_is_answered_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit, match=r"\[migrate \| rotate-keys\]"):
        run(monkeypatch, *arguments)
