"""What the curation service answers."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import requests

from mizzap_curation.callbacks import Callbacks
from mizzap_curation.feed import Feed
from mizzap_curation.orders import Orders
from mizzap_curation.service import Curation


def serve(bus: Bus, curation: Curation, orders: Orders, callbacks: Callbacks, feed: Feed) -> None:
    bus.answer(requests.CURATION_MOMENTS, curation.present)
    bus.answer(requests.CURATION_CONFIRM, curation.confirm)
    bus.answer(requests.CURATION_CHANGE, curation.change)
    bus.answer(requests.CURATION_CHANGES, feed.changes)
    bus.answer(requests.CURATION_ORDER_FILM, orders.order_film)
    bus.answer(requests.CURATION_ORDER_RETOUCH, orders.order_retouch)
    bus.answer(requests.CURATION_INTEGRATIONS, orders.integrations)
    bus.answer(requests.CURATION_ORDER, orders.show)
    bus.answer(requests.CURATION_CANCEL_ORDER, orders.cancel)
    bus.answer(requests.CURATION_CALLBACK, callbacks.take)
    bus.answer(requests.CURATION_SHARED_FILE, orders.shared_file)
