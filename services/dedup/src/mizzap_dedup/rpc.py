"""What the dedup service answers."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import requests

from mizzap_dedup.service import Dedup


def serve(bus: Bus, dedup: Dedup) -> None:
    bus.answer(requests.DEDUP_LIST, dedup.list)
    bus.answer(requests.DEDUP_GROUPS, dedup.groups)
    bus.answer(requests.DEDUP_STATS, dedup.stats)
    bus.answer(requests.DEDUP_ACT, dedup.act)
    bus.answer(requests.DEDUP_EMBEDDINGS, dedup.embeddings)
    bus.answer(requests.DEDUP_MODEL, dedup.model_in_use)
