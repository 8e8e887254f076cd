"""The gateway with a memory that forgets nothing: the most that a cache of answers could ever win.

Started by `tests.bench.caches` beside the ordinary one. It is wrong on purpose: what has changed is not noticed.
"""

from typing import Any

from mizzap_common.bus import Bus
from mizzap_common.contracts import requests
from mizzap_common.service import main
from mizzap_gateway.app import build
from mizzap_gateway.remembered import SECONDS
from mizzap_gateway.settings import GatewaySettings


def remember() -> None:
    asked, answers = Bus.ask, {}

    async def ask(self: Bus, method: requests.Method[Any, Any], request: Any) -> Any:
        if method not in SECONDS:
            return await asked(self, method, request)
        key = method.subject, request.to_json()
        if key not in answers:
            answers[key] = await asked(self, method, request)
        return answers[key]

    Bus.ask = ask  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    remember()
    main("gateway", GatewaySettings, build)
