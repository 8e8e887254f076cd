"""What the dedup service answers."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import requests

from mizzap_dedup.decisions import Decisions
from mizzap_dedup.feed import Feed
from mizzap_dedup.finder import Finder
from mizzap_dedup.service import Dedup


def serve(bus: Bus, dedup: Dedup, decisions: Decisions, finder: Finder, feed: Feed) -> None:
    bus.answer(requests.DEDUP_LIST, dedup.list)
    bus.answer(requests.DEDUP_GROUPS, dedup.groups)
    bus.answer(requests.DEDUP_STATS, dedup.stats)
    bus.answer(requests.DEDUP_ACT, decisions.act)
    bus.answer(requests.DEDUP_ACT_ON_MANY, decisions.act_on_many)
    bus.answer(requests.DEDUP_UNDO, decisions.undo)
    bus.answer(requests.DEDUP_UNDO_BULK, decisions.undo_bulk)
    bus.answer(requests.DEDUP_SIMILAR, finder.similar)
    bus.answer(requests.DEDUP_SEARCH_TEXT, finder.by_text)
    bus.answer(requests.DEDUP_CHANGES, feed.changes)
    bus.answer(requests.DEDUP_EMBEDDINGS, dedup.embeddings)
    bus.answer(requests.DEDUP_MODEL, dedup.model_in_use)
