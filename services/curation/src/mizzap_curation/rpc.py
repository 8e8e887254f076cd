"""What the curation service answers."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import requests

from mizzap_curation.service import Curation


def serve(bus: Bus, curation: Curation) -> None:
    bus.answer(requests.CURATION_MOMENTS, curation.present)
    bus.answer(requests.CURATION_CONFIRM, curation.confirm)
    bus.answer(requests.CURATION_CHANGE, curation.change)
