"""What the photos service answers."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import requests

from mizzap_photos.batch import Batch
from mizzap_photos.following import Feed
from mizzap_photos.listing import Listing
from mizzap_photos.quotas import Quotas
from mizzap_photos.reprocessing import Reprocessing
from mizzap_photos.service import Photos
from mizzap_photos.trash import Trash


def serve(
    bus: Bus, photos: Photos, listing: Listing, feed: Feed, trash: Trash, batch: Batch, quotas: Quotas,
    reprocessing: Reprocessing,
) -> None:  # fmt: skip
    bus.answer(requests.PHOTOS_PRECHECK, photos.precheck)
    bus.answer(requests.PHOTOS_REGISTER, photos.register)
    bus.answer(requests.PHOTOS_ADOPT, photos.adopt)
    bus.answer(requests.PHOTOS_LIST, listing.page)
    bus.answer(requests.PHOTOS_GET, photos.get)
    bus.answer(requests.PHOTOS_MANY, photos.many)
    bus.answer(requests.PHOTOS_DELETE, trash.delete)
    bus.answer(requests.PHOTOS_RESTORE, trash.restore)
    bus.answer(requests.PHOTOS_TRASH, trash.list)
    bus.answer(requests.PHOTOS_BATCH, batch.act)
    bus.answer(requests.PHOTOS_FAVOURITE, batch.set_favourite)
    bus.answer(requests.PHOTOS_ROOM, quotas.room)
    bus.answer(requests.PHOTOS_USAGE, quotas.usage)
    bus.answer(requests.PHOTOS_KEEP_TRASH, quotas.keep_trash)
    bus.answer(requests.PHOTOS_NAMES, photos.names)
    bus.answer(requests.PHOTOS_ORIGINAL, photos.original)
    bus.answer(requests.PHOTOS_CHANGES, feed.changes)
    bus.answer(requests.PHOTOS_JOBS, photos.jobs)
    bus.answer(requests.PHOTOS_RETRY_JOB, reprocessing.retry_job)
    bus.answer(requests.PHOTOS_PROGRESS, photos.progress)
