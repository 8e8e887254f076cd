"""Wiring of the albums service: which parts there are and who hears what."""

from mizzap_common.service import Service
from starlette.applications import Starlette

from mizzap_albums import erasure, events, export, rpc
from mizzap_albums.service import Albums
from mizzap_albums.settings import AlbumsSettings


def build(settings: AlbumsSettings) -> Starlette:
    service = Service("albums", settings)
    albums = Albums(service.database, service.bus)
    events.subscribe(service.bus, albums)
    erasure.subscribe(service.bus, service.database)
    export.serve(service.bus, service.database)
    rpc.serve(service.bus, albums)
    return service.asgi()
