"""What a session is called when its client gives it no name: program and system, as the client says of itself.

No more than a person needs to tell their devices apart: no versions, no address, nothing to recognise anybody by.
"""

import re

UNKNOWN = "Unknown device"
_PROGRAMS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"), ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"), ("Windows", "Windows"),
    ("Macintosh", "Mac"), ("Linux", "Linux"),
)  # fmt: skip
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,39}")


def name_of(user_agent: str | None) -> str:
    """``Firefox on Windows``, ``python-httpx``, ``Unknown device``."""
    said = user_agent or ""
    program = _first(_PROGRAMS, said)
    system = _first(_SYSTEMS, said)
    if program and system:
        return f"{program} on {system}"
    product = _PRODUCT.match(said)
    return program or system or (product[0].strip() if product else UNKNOWN)


def _first(names: tuple[tuple[str, str], ...], said: str) -> str | None:
    return next((name for mark, name in names if mark in said), None)
