"""What the thumbs service answers."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import requests

from mizzap_thumbs.service import Thumbs


def serve(bus: Bus, thumbs: Thumbs) -> None:
    bus.answer(requests.THUMBS_LOCATE, thumbs.locate)
    bus.answer(requests.THUMBS_COUNT, thumbs.count)
