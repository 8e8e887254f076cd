"""What the photos service answers."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import requests

from mizzap_photos.reprocessing import Reprocessing
from mizzap_photos.service import Photos


def serve(bus: Bus, photos: Photos, reprocessing: Reprocessing) -> None:
    bus.answer(requests.PHOTOS_PRECHECK, photos.precheck)
    bus.answer(requests.PHOTOS_REGISTER, photos.register)
    bus.answer(requests.PHOTOS_ADOPT, photos.adopt)
    bus.answer(requests.PHOTOS_LIST, photos.list)
    bus.answer(requests.PHOTOS_GET, photos.get)
    bus.answer(requests.PHOTOS_DELETE, photos.delete)
    bus.answer(requests.PHOTOS_NAMES, photos.names)
    bus.answer(requests.PHOTOS_ORIGINAL, photos.original)
    bus.answer(requests.PHOTOS_JOBS, photos.jobs)
    bus.answer(requests.PHOTOS_RETRY_JOB, reprocessing.retry_job)
    bus.answer(requests.PHOTOS_PROGRESS, photos.progress)
