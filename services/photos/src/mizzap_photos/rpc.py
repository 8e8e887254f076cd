"""What the photos service answers."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import requests

from mizzap_photos.following import Feed
from mizzap_photos.listing import Listing
from mizzap_photos.service import Photos


def serve(bus: Bus, photos: Photos, listing: Listing, feed: Feed) -> None:
    bus.answer(requests.PHOTOS_PRECHECK, photos.precheck)
    bus.answer(requests.PHOTOS_REGISTER, photos.register)
    bus.answer(requests.PHOTOS_ADOPT, photos.adopt)
    bus.answer(requests.PHOTOS_LIST, listing.page)
    bus.answer(requests.PHOTOS_GET, photos.get)
    bus.answer(requests.PHOTOS_DELETE, photos.delete)
    bus.answer(requests.PHOTOS_NAMES, photos.names)
    bus.answer(requests.PHOTOS_ORIGINAL, photos.original)
    bus.answer(requests.PHOTOS_CHANGES, feed.changes)
    bus.answer(requests.PHOTOS_JOBS, photos.jobs)
    bus.answer(requests.PHOTOS_PROGRESS, photos.progress)
