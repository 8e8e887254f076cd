"""What the albums service answers."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import requests

from mizzap_albums.service import Albums


def serve(bus: Bus, albums: Albums) -> None:
    bus.answer(requests.ALBUMS_CREATE, albums.create)
    bus.answer(requests.ALBUMS_LIST, albums.list)
    bus.answer(requests.ALBUMS_GET, albums.get)
    bus.answer(requests.ALBUMS_UPDATE, albums.update)
    bus.answer(requests.ALBUMS_DELETE, albums.delete)
    bus.answer(requests.ALBUMS_ADD, albums.add)
    bus.answer(requests.ALBUMS_REMOVE, albums.remove)
