"""Wiring of the albums service: which parts there are and who hears what."""

from mizzap_common.service import Service
from starlette.applications import Starlette

from mizzap_albums import erasure, events, export, rpc
from mizzap_albums.contents import Contents
from mizzap_albums.feed import Feed
from mizzap_albums.service import Albums
from mizzap_albums.settings import AlbumsSettings
from mizzap_albums.sharing import Sharing


def build(settings: AlbumsSettings) -> Starlette:
    service = Service("albums", settings)
    contents = Contents(service.database, service.bus)
    sharing = Sharing(service.database)
    events.subscribe(service.bus, contents, sharing)
    rpc.serve(service.bus, Albums(service.database), contents, sharing, Feed(service.database))
    erasure.subscribe(service.bus, service.database, sharing)
    export.serve(service.bus, service.database)
    return service.asgi()
