"""What the albums service answers."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import requests

from mizzap_albums.contents import Contents
from mizzap_albums.feed import Feed
from mizzap_albums.service import Albums
from mizzap_albums.sharing import Sharing


def serve(bus: Bus, albums: Albums, contents: Contents, sharing: Sharing, feed: Feed) -> None:
    bus.answer(requests.ALBUMS_CREATE, albums.create)
    bus.answer(requests.ALBUMS_LIST, albums.list)
    bus.answer(requests.ALBUMS_GET, albums.get)
    bus.answer(requests.ALBUMS_UPDATE, albums.update)
    bus.answer(requests.ALBUMS_DELETE, albums.delete)
    bus.answer(requests.ALBUMS_ADD, contents.add)
    bus.answer(requests.ALBUMS_REMOVE, contents.remove)
    bus.answer(requests.ALBUMS_REMOVE_MANY, contents.remove_many)
    bus.answer(requests.ALBUMS_ORDER, contents.order)
    bus.answer(requests.ALBUMS_PHOTOS, contents.photos)
    bus.answer(requests.ALBUMS_LOCATE, contents.locate)
    bus.answer(requests.ALBUMS_SHARE, sharing.share)
    bus.answer(requests.ALBUMS_SHARES, sharing.shares)
    bus.answer(requests.ALBUMS_UNSHARE, sharing.unshare)
    bus.answer(requests.ALBUMS_CHANGES, feed.changes)
