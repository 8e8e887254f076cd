"""How a simulated partner is to behave, read from what the user writes into the order.

``Summer by the sea [simulate fail:500,timeout,500 twice]``: words after ``simulate``, in brackets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

_ASKED = re.compile(r"\[simulate([^\]]*)\]")
_STATUSES = ("accepted", "in_progress", "delivered", "rejected", "failed")


@dataclass(frozen=True)
class Script:
    """Without a word everything goes well.

    fail: what each try of the order is answered with, before one is taken: a status, "timeout" (no answer in time),
    or "lost" (the order is taken, but 500 is answered).
    callbacks: the statuses told, in this order.
    twice: each callback is sent a second time, with the same webhook-id.
    forged: each callback is preceded by one with a wrong signature.
    late: after the last callback, "in_progress" is told once more.
    stubborn: when the order is cancelled, the photos are fetched again and "delivered" is told all the same.
    """

    fail: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ("accepted", "in_progress", "delivered")
    twice: bool = False
    forged: bool = False
    late: bool = False
    stubborn: bool = False


def read_script(text: str) -> Script:
    """Raises ValueError for a word that means nothing."""
    asked = _ASKED.search(text)
    given: dict[str, object] = {}
    for word in asked[1].split() if asked else ():
        name, _, values = word.partition(":")
        if name in ("fail", "callbacks"):
            given[name] = tuple(value for value in values.split(",") if value)
        elif name in {field.name for field in fields(Script)}:
            given[name] = True
        else:
            raise ValueError(f"nothing is simulated by {word!r}")
    script = Script(**given)  # type: ignore[arg-type]
    if unknown := [value for value in script.fail if not (value.isdigit() or value in ("timeout", "lost"))]:
        raise ValueError(f"an order can't fail by {unknown[0]!r}")
    if unknown := [value for value in script.callbacks if value not in _STATUSES]:
        raise ValueError(f"{unknown[0]!r} is no status")
    return script
