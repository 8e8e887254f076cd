"""How long a request is repeated: from its first failure on, step by step over a clock that the test turns."""

from types import SimpleNamespace

import httpx
import pytest
from mizzap_client import errors, exchange
from mizzap_client.exchange import Pause, Send

PATIENCE = 60.0
RESET = httpx.ReadError("reset")
NOBODY = httpx.ConnectError("refused")
REQUEST = Send("POST", "/photos/upload")


class Clock:
    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    monkeypatch.setattr(exchange, "time", SimpleNamespace(monotonic=lambda: Clock.now))
    return Clock


def refusal(status: int, code: str = "UNAVAILABLE") -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": "Not now."}})


def trying() -> exchange.Steps:
    return exchange.patiently(SimpleNamespace(server="http://mizzap.test", patience=PATIENCE, session=None), REQUEST)


@pytest.mark.parametrize(
    "failure",
    [
        RESET, NOBODY, refusal(502), refusal(503), refusal(409, "UPLOAD_AGAIN"), refusal(409, "IDEMPOTENCY_IN_FLIGHT"),
    ],
)  # fmt: skip
def test_a_try_longer_than_the_patience_is_repeated(clock: type[Clock], failure: object) -> None:
    steps = trying()
    assert next(steps) == REQUEST
    clock.now += 10 * PATIENCE
    assert isinstance(steps.send(failure), Pause)
    assert steps.send(None) == REQUEST
    with pytest.raises(StopIteration) as done:
        steps.send(httpx.Response(201))
    assert done.value.value.status_code == 201


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (RESET, errors.Interrupted), (httpx.ReadTimeout("late"), errors.Interrupted), (NOBODY, errors.Unreachable),
        (refusal(503), errors.Unreachable), (refusal(409, "UPLOAD_AGAIN"), errors.Conflict),
    ],
)  # fmt: skip
def test_patience_counts_from_the_first_failure(clock: type[Clock], failure: object, kind: type[Exception]) -> None:
    steps = trying()
    next(steps)
    assert isinstance(steps.send(failure), Pause)
    steps.send(None)
    clock.now += PATIENCE - 1
    assert isinstance(steps.send(failure), Pause), "a failure in the meantime starts nothing anew, and ends nothing"
    steps.send(None)
    clock.now += 1
    with pytest.raises(kind) as raised:
        steps.send(failure)
    assert type(raised.value) is kind
