from mizzap_common.restoring import restored
from mizzap_common.service import main

from mizzap_photos.app import build
from mizzap_photos.rotation import rotate_keys
from mizzap_photos.settings import PhotosSettings

main("photos", PhotosSettings, build, commands={"rotate-keys": rotate_keys, "restored": restored})
